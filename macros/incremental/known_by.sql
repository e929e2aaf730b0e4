{#- Which lines were known at var('as_of') ('YYYY-MM-DD HH:MM:SS', UTC): those received by then, and of lines that say no
    readable time those that had arrived by then. True without the var. -#}
{% macro known_by() -%}
  {%- set as_of = var('as_of') | string -%}
  {%- if as_of -%}
    coalesce(received_at <= timestamp '{{ as_of }}', dt || ' ' || hr <= '{{ as_of[:13] }}')
  {%- else -%}
    true
  {%- endif -%}
{%- endmacro %}

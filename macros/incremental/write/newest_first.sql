{#- The order of a versioned table's versions, the one that wins first: for row_number() over (partition by … order by …). -#}
{% macro newest_first() -%}
  {%- for column in versioned_columns().version -%}
    {{ column }} desc{{ ', ' if not loop.last }}
  {%- endfor -%}
{%- endmacro %}

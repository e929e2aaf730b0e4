{#- A static bound on a date column: `column >= date '…'`, or true when the bound is none. -#}
{% macro on_or_after(column, bound) -%}
  {%- if bound -%}{{ column }} >= date '{{ bound }}'{%- else -%}true{%- endif -%}
{%- endmacro %}

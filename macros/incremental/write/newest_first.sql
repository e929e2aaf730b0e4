{% macro newest_first() -%}
  {%- for column in versioned_columns().version -%}
    {{ column }} desc{{ ', ' if not loop.last }}
  {%- endfor -%}
{%- endmacro %}

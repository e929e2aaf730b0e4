{#- The equality of two relations on key columns, which are never NULL. -#}
{% macro is_same_key(left, right, key) -%}
  {%- for column in key -%}
    {{ left }}.{{ column }} = {{ right }}.{{ column }}{{ ' and ' if not loop.last }}
  {%- endfor -%}
{%- endmacro %}

{% macro on_or_after(column, bound) -%}
  {%- if bound -%}{{ column }} >= date '{{ bound }}'{%- else -%}true{%- endif -%}
{%- endmacro %}

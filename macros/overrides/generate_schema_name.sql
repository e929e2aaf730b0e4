{% macro generate_schema_name(custom_schema_name, node) -%}
  {{ return(base_schema() ~ ('_' ~ custom_schema_name if custom_schema_name else '')) }}
{%- endmacro %}

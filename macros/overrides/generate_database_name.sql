{% macro generate_database_name(custom_database_name=none, node=none) -%}
  {{ return(custom_database_name or warehouse_database()) }}
{%- endmacro %}

{#- dbt's own hook for schema names: `<target.schema>_<custom>`, below a schema of its own when the run looks back in time. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
  {{ return(base_schema() ~ ('_' ~ custom_schema_name if custom_schema_name else '')) }}
{%- endmacro %}

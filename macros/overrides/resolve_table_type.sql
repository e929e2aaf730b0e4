{% macro resolve_table_type() %}
  {%- if model.resource_type == 'unit_test' -%}{{ return('iceberg') }}{%- endif -%}
  {%- set catalog_relation = adapter.build_catalog_relation(config.model) -%}
  {%- set table_type = config.get('table_type', default=none) -%}
  {%- if table_type is none and catalog_relation is not none -%}
    {%- set table_type = catalog_relation.table_format -%}
  {%- endif -%}
  {{ return((table_type or 'hive') | lower) }}
{% endmacro %}

{% macro create_audit_table(relation, columns) %}{{ return(adapter.dispatch('create_audit_table')(relation, columns)) }}{% endmacro %}

{% macro default__create_audit_table(relation, columns) %}{{ unsupported_engine('create_audit_table') }}{% endmacro %}

{% macro duckdb__create_audit_table(relation, columns) -%}
create table if not exists {{ relation }} (
  {%- for name, type in columns.items() %}
  {{ name }} {{ {'text': 'varchar'}.get(type, type) }}{{ ',' if not loop.last }}
  {%- endfor %}
)
{%- endmacro %}

{% macro athena__create_audit_table(relation, columns) -%}
create table if not exists {{ relation.schema }}.{{ relation.identifier }} (
  {%- for name, type in columns.items() %}
  {{ name }} {{ {'text': 'string'}.get(type, type) }}{{ ',' if not loop.last }}
  {%- endfor %}
)
location '{{ target.s3_data_dir }}{{ relation.schema }}/{{ relation.identifier }}'
tblproperties ('table_type' = 'ICEBERG')
{%- endmacro %}

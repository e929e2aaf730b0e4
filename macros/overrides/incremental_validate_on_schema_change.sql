{% macro incremental_validate_on_schema_change(on_schema_change, default) %}
  {{ return('sync_all_columns' if is_replaced() else dbt.incremental_validate_on_schema_change(on_schema_change, default)) }}
{% endmacro %}

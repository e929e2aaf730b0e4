{#- The one macro of dbt-athena that is overridden: 1.11.1 puts a unit test's rows into a Hive table, which cannot hold
    timestamp(6) (dbt-adapters issue 424). Everything else resolves as the adapter does. -#}
{% macro resolve_table_type() %}
  {{ return('iceberg' if model.resource_type == 'unit_test' else dbt_athena.resolve_table_type()) }}
{% endmacro %}

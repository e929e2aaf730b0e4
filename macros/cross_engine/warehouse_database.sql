{% macro warehouse_database() %}{{ return(adapter.dispatch('warehouse_database')()) }}{% endmacro %}

{% macro default__warehouse_database() %}{{ unsupported_engine('warehouse_database') }}{% endmacro %}

{% macro duckdb__warehouse_database() %}{{ return('lake') }}{% endmacro %}

{% macro athena__warehouse_database() %}{{ return(target.database) }}{% endmacro %}

{% macro type_timestamp() %}{{ return(adapter.dispatch('type_timestamp')()) }}{% endmacro %}

{% macro default__type_timestamp() %}{{ unsupported_engine('type_timestamp') }}{% endmacro %}

{% macro duckdb__type_timestamp() -%}
timestamp
{%- endmacro %}

{% macro athena__type_timestamp() -%}
timestamp(6)
{%- endmacro %}

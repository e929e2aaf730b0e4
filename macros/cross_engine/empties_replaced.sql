{% macro empties_replaced() %}{{ return(adapter.dispatch('empties_replaced')()) }}{% endmacro %}

{% macro default__empties_replaced() %}{{ unsupported_engine('empties_replaced') }}{% endmacro %}

{% macro duckdb__empties_replaced() %}{{ return(false) }}{% endmacro %}

{% macro athena__empties_replaced() %}{{ return(true) }}{% endmacro %}

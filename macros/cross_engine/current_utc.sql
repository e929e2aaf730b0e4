{% macro current_utc() %}{{ return(adapter.dispatch('current_utc')()) }}{% endmacro %}

{% macro default__current_utc() %}{{ unsupported_engine('current_utc') }}{% endmacro %}

{% macro duckdb__current_utc() %}cast(timezone('UTC', now()) as timestamp){% endmacro %}

{% macro athena__current_utc() %}cast(at_timezone(now(), 'UTC') as timestamp(6)){% endmacro %}

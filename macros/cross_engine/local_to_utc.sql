{% macro local_to_utc(wall_clock, zone) %}{{ return(adapter.dispatch('local_to_utc')(wall_clock, zone)) }}{% endmacro %}

{% macro default__local_to_utc(wall_clock, zone) %}{{ unsupported_engine('local_to_utc') }}{% endmacro %}

{% macro duckdb__local_to_utc(wall_clock, zone) -%}
timezone('UTC', timezone({{ zone }}, {{ wall_clock }}))
{%- endmacro %}

{% macro athena__local_to_utc(wall_clock, zone) -%}
cast(at_timezone(with_timezone({{ wall_clock }}, {{ zone }}), 'UTC') as timestamp(6))
{%- endmacro %}

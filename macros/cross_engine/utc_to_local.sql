{% macro utc_to_local(utc, zone) %}{{ return(adapter.dispatch('utc_to_local')(utc, zone)) }}{% endmacro %}

{% macro default__utc_to_local(utc, zone) %}{{ unsupported_engine('utc_to_local') }}{% endmacro %}

{% macro duckdb__utc_to_local(utc, zone) -%}
timezone({{ zone }}, timezone('UTC', {{ utc }}))
{%- endmacro %}

{% macro athena__utc_to_local(utc, zone) -%}
cast(at_timezone(with_timezone({{ utc }}, 'UTC'), {{ zone }}) as timestamp(6))
{%- endmacro %}

{% macro number_series(first, last) %}{{ return(adapter.dispatch('number_series')(first, last)) }}{% endmacro %}

{% macro default__number_series(first, last) %}{{ unsupported_engine('number_series') }}{% endmacro %}

{% macro duckdb__number_series(first, last) -%}
(select series.number from generate_series({{ first }}, {{ last }}) as series (number))
{%- endmacro %}

{% macro athena__number_series(first, last) -%}
(select series.number from unnest(sequence({{ first }}, {{ last }})) as series (number))
{%- endmacro %}

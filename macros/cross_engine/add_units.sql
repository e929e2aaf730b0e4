{% macro add_units(moment, amount, unit) %}{{ return(adapter.dispatch('add_units')(moment, amount, unit)) }}{% endmacro %}

{% macro default__add_units(moment, amount, unit) %}{{ unsupported_engine('add_units') }}{% endmacro %}

{% macro duckdb__add_units(moment, amount, unit) -%}
{{ moment }} + to_{{ unit }}s(cast({{ amount }} as integer))
{%- endmacro %}

{% macro athena__add_units(moment, amount, unit) -%}
date_add('{{ unit }}', {{ amount }}, {{ moment }})
{%- endmacro %}

{% macro partition_by(grain, date_column, symbol_column='symbol') %}{{ return(adapter.dispatch('partition_by')(grain, date_column, symbol_column='symbol')) }}{% endmacro %}

{% macro default__partition_by(grain, date_column, symbol_column='symbol') %}{{ unsupported_engine('partition_by') }}{% endmacro %}

{% macro duckdb__partition_by(grain, date_column, symbol_column='symbol') -%}
{%- set year -%}year({{ date_column }}){%- endset -%}
{%- set month -%}month({{ date_column }}){%- endset -%}
  {{ return({'day': [date_column], 'month': [year, month], 'symbol_month': [symbol_column, year, month]}[grain]) }}
{%- endmacro %}

{% macro athena__partition_by(grain, date_column, symbol_column='symbol') -%}
{%- set month -%}month({{ date_column }}){%- endset -%}
  {{ return({'day': [date_column], 'month': [month], 'symbol_month': [symbol_column, month]}[grain]) }}
{%- endmacro %}

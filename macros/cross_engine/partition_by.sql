{#- The partitioning of a mart by var('partition_grain'): day, month or symbol_month. -#}
{% macro partition_by(grain, date_column, symbol_column='symbol') %}{{ return(adapter.dispatch('partition_by')(grain, date_column, symbol_column='symbol')) }}{% endmacro %}

{% macro default__partition_by(grain, date_column, symbol_column='symbol') %}{{ unsupported_engine('partition_by') }}{% endmacro %}

{% macro duckdb__partition_by(grain, date_column, symbol_column='symbol') -%}
{%- set by_month = ['year(' ~ date_column ~ ')', 'month(' ~ date_column ~ ')'] -%}
  {{ return({'day': [date_column], 'month': by_month, 'symbol_month': [symbol_column] + by_month}[grain]) }}
{%- endmacro %}

{% macro athena__partition_by(grain, date_column, symbol_column='symbol') -%}
{%- set by_month = ['month(' ~ date_column ~ ')'] -%}
  {{ return({'day': [date_column], 'month': by_month, 'symbol_month': [symbol_column] + by_month}[grain]) }}
{%- endmacro %}

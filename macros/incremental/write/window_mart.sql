{% macro window_mart(lookback, dates=0, vars=[], seeds=[]) %}
  {{ set_lookback(lookback, dates) }}
  {{ config(
    materialized='incremental',
    unique_key=bar_key(),
    partitioned_by=mart_partitions('bar_date'),
    incremental_predicates=merge_predicates('bar_date'),
    meta={
      'consumes': ['fct_bar', 'int_bar__count_by_date'],
      'lookback': lookback,
      'lookback_dates': dates,
      'vars': vars,
      'seeds': seeds,
    }
  ) }}
{% endmacro %}

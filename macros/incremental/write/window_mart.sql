{#- The configuration of a mart at the grain of fct_bar whose rows depend on the `lookback` bars before them, and on the `dates`
    dates before theirs that have bars: incremental by merge, with the partition column in the key. `vars` and `seeds` name
    what else its rows depend on: see reference_fingerprint. bars_in_lookback, has_change_within_lookback and
    has_change_within_dates take the lookback from here. -#}
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

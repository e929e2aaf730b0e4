{#- The configuration of a mart at the grain of fct_bar whose rows look back over `reach` bars, and over `dates` dates that
    have bars: incremental by merge, with the partition column in the key. `vars` and `seeds` name what else its rows
    depend on: see reference_fingerprint. -#}
{% macro window_mart(reach, dates=0, vars=[], seeds=[]) %}
  {{ config(
    materialized='incremental',
    unique_key=bar_key(),
    partitioned_by=mart_partitions('bar_date'),
    incremental_predicates=merge_predicates('bar_date'),
    meta={
      'consumes': ['fct_bar', 'int_bar__count_by_date'],
      'reach': reach,
      'reach_dates': dates,
      'vars': vars,
      'seeds': seeds,
    }
  ) }}
{% endmacro %}

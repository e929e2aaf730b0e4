{#- The configuration of a mart at the grain of fct_daily_bar whose rows depend on the `lookback` sessions of their series before
    them: incremental by merge. `vars` and `seeds` name what else its rows depend on: see reference_fingerprint.
    days_in_lookback and has_change_within_lookback take the lookback from here. -#}
{% macro daily_mart(lookback, vars=[], seeds=[]) %}
  {{ set_lookback(lookback) }}
  {{ config(
    materialized='incremental',
    unique_key=['symbol', 'source', 'session_date'],
    meta={'consumes': ['fct_daily_bar'], 'lookback_sessions': lookback, 'vars': vars, 'seeds': seeds}
  ) }}
{% endmacro %}

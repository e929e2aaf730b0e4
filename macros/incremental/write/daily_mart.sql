{% macro daily_mart(lookback, vars=[], seeds=[]) %}
  {{ set_lookback(lookback) }}
  {{ config(
    materialized='incremental',
    unique_key=['symbol', 'source', 'session_date'],
    meta={'consumes': ['fct_daily_bar'], 'lookback_sessions': lookback, 'vars': vars, 'seeds': seeds}
  ) }}
{% endmacro %}

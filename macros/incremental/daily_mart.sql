{#- The configuration of a mart at the grain of fct_daily_bar whose rows look back over `reach` sessions of their series:
    incremental by merge. `vars` and `seeds` name what else its rows depend on: see reference_fingerprint. -#}
{% macro daily_mart(reach, vars=[], seeds=[]) %}
  {{ config(
    materialized='incremental',
    unique_key=['symbol', 'source', 'session_date'],
    meta={'consumes': ['fct_daily_bar'], 'sessions': reach, 'vars': vars, 'seeds': seeds}
  ) }}
{% endmacro %}

{#- The earliest date that this run may merge, as 'YYYY-MM-DD', or none for no bound. On Athena only a literal in a model's
    config prunes the target of a merge, and only the environment can bring one there: TICKERLAKE_MERGE_FROM, which
    `python -m pipeline build` works out with compute_merge_floor. fct_bar filters its source by the same value: a predicate narrower
    than the source would insert what it should update. DuckDB prunes by itself. -#}
{% macro merge_floor() %}{{ return(adapter.dispatch('merge_floor')()) }}{% endmacro %}

{% macro default__merge_floor() %}{{ unsupported_engine('merge_floor') }}{% endmacro %}

{% macro duckdb__merge_floor() %}{{ return(none) }}{% endmacro %}

{% macro athena__merge_floor() %}
  {%- if flags.FULL_REFRESH -%}{{ return(none) }}{%- endif -%}
  {{ return(env_var('TICKERLAKE_MERGE_FROM', '') or none) }}
{% endmacro %}

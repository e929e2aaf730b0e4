{#- A static bound on the target of a merge. DuckDB derives it from the source by itself; on Athena only a literal prunes,
    and only the environment can bring one into a model's config (TICKERLAKE_MERGE_FROM, set by `python -m pipeline`). -#}
{% macro merge_predicates(date_column) %}{{ return(adapter.dispatch('merge_predicates')(date_column)) }}{% endmacro %}

{% macro default__merge_predicates(date_column) %}{{ unsupported_engine('merge_predicates') }}{% endmacro %}

{% macro duckdb__merge_predicates(date_column) %}{{ return(none) }}{% endmacro %}

{% macro athena__merge_predicates(date_column) %}
  {%- set merge_from = env_var('TICKERLAKE_MERGE_FROM', '') -%}
  {{ return(["target." ~ date_column ~ " >= date '" ~ merge_from ~ "'"] if merge_from else none) }}
{% endmacro %}

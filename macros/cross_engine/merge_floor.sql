{% macro merge_floor() %}{{ return(adapter.dispatch('merge_floor')()) }}{% endmacro %}

{% macro default__merge_floor() %}{{ unsupported_engine('merge_floor') }}{% endmacro %}

{% macro duckdb__merge_floor() %}{{ return(none) }}{% endmacro %}

{% macro athena__merge_floor() %}
  {%- if flags.FULL_REFRESH -%}{{ return(none) }}{%- endif -%}
  {{ return(env_var('TICKERLAKE_MERGE_FROM', '') or none) }}
{% endmacro %}

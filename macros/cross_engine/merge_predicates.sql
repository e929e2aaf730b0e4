{% macro merge_predicates(date_column) %}{{ return(adapter.dispatch('merge_predicates')(date_column)) }}{% endmacro %}

{% macro default__merge_predicates(date_column) %}{{ unsupported_engine('merge_predicates') }}{% endmacro %}

{% macro duckdb__merge_predicates(date_column) %}{{ return(none) }}{% endmacro %}

{% macro athena__merge_predicates(date_column) %}
  {%- set predicate -%}target.{{ date_column }} >= date '{{ merge_floor() }}'{%- endset -%}
  {{ return([predicate] if merge_floor() else none) }}
{% endmacro %}

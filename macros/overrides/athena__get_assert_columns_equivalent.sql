{#- dbt's own hook for contracts. Each check is two statements on Athena, at 10 MB of the bill: there, a table's contract is
    checked where the table is made, and a view's where it is new or a full refresh makes it again. -#}
{% macro athena__get_assert_columns_equivalent(sql) -%}
  {%- if flags.FULL_REFRESH or load_cached_relation(this) is none -%}{{ return(assert_columns_equivalent(sql)) }}{%- endif -%}
{%- endmacro %}

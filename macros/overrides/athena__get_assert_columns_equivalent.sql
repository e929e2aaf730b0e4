{% macro athena__get_assert_columns_equivalent(sql) -%}
  {%- if flags.FULL_REFRESH or is_replaced() or load_cached_relation(this) is none -%}{{ return(assert_columns_equivalent(sql)) }}{%- endif -%}
{%- endmacro %}

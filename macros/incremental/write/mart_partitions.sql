{% macro mart_partitions(date_column) %}
  {%- set grain = var('partition_grain') -%}
  {%- if grain not in ('day', 'month', 'symbol_month') -%}
    {{ exceptions.raise_compiler_error("var partition_grain is '" ~ grain ~ "': choose day, month or symbol_month") }}
  {%- endif -%}
  {{ return(partition_by(grain, date_column)) }}
{% endmacro %}

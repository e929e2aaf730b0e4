{% macro is_incremental() %}
  {{ return(dbt.is_incremental() and not is_replaced()) }}
{% endmacro %}

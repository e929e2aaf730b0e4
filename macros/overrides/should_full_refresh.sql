{% macro should_full_refresh() %}
  {{ return(dbt.should_full_refresh() or (is_replaced() and not empties_replaced())) }}
{% endmacro %}

{% macro empty_replaced() %}
  {%- if execute and is_replaced() and empties_replaced() and dbt.is_incremental() -%}
    delete from {{ this }}
  {%- endif -%}
{% endmacro %}

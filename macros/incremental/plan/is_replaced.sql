{% macro is_replaced() %}
  {{ return(this.identifier in run_plan().get('replaced', [])) }}
{% endmacro %}

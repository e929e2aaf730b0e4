{% macro restates_raw() %}
  {{ return(run_plan().get('restates', true)) }}
{% endmacro %}

{% macro run_plan() %}
  {{ return(graph.get('tickerlake_plan', {}) if execute else {}) }}
{% endmacro %}

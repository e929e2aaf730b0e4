{% macro log_run_plan() %}
  {%- do log(run_plan_line(), info=true) -%}
{% endmacro %}

{#- True in a run that reads raw again from an earlier point than new arrivals ask for: after a change of reference data, a
    reset, or with var('reload_from'). -#}
{% macro restates_raw() %}
  {{ return(run_plan().get('restates', true)) }}
{% endmacro %}

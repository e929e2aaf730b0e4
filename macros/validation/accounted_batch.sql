{% macro accounted_batch() %}
  {%- if not execute or var('as_of') or flags.WHICH not in ('build', 'test', 'retry') -%}{{ return(0) }}{%- endif -%}
  {%- set account = protocol_models()['int_arrival__reconciled'] -%}
  {%- if run_plan() and account.unique_id in selected_resources -%}{{ return(run_plan().batch_id) }}{%- endif -%}
  {{ return(read_records().get(account.name, {}).get('batch_id', 0)) }}
{% endmacro %}

{% macro compute_merge_floor() %}
  {%- do fail_if_var_invalid() -%}
  {%- do adapter.create_schema(audit_relation('model_watermark')) -%}
  {%- do run_query(create_watermark_table()) -%}
  {%- set records = read_records() -%}
  {%- do graph.update({'tickerlake_plan': compute_run_plan(records)}) -%}
  {%- if restates_raw() or not is_up_to_date(records) -%}
    {{ return(print('merge_from=')) }}
  {%- endif -%}
  {%- set dates = [earliest_new_bar(), earliest_new_split(), earliest_unconsumed(records)] | select | map('string') | list -%}
  {{ print('merge_from=' ~ (dates | min if dates else '9999-12-31').split(' ') | first) }}
{% endmacro %}

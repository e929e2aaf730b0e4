{% macro begin_run() %}
  {%- if execute -%}
    {%- do graph.update({'tickerlake_plan': {}}) -%}
    {%- if flags.WHICH in ('run', 'build', 'retry', 'seed', 'test') -%}{%- do fail_if_var_invalid() -%}{%- endif -%}
    {%- if flags.WHICH in ('run', 'build', 'retry', 'seed', 'test', 'snapshot') -%}{%- do fail_if_concurrent() -%}{%- endif -%}
    {%- if flags.WHICH in ('run', 'build', 'retry', 'seed') -%}
      {%- do adapter.create_schema(audit_relation('model_watermark')) -%}
      {%- do run_query(create_watermark_table()) -%}
    {%- endif -%}
    {%- if flags.WHICH in ('run', 'build', 'retry') -%}
      {%- set records = read_records() -%}
      {%- do fail_if_input_is_partial(records) -%}
      {%- do acquire_lease() -%}
      {%- set resets = reset_records(records) -%}
      {%- for reset in resets -%}{%- do records.update({reset.model: dict(records.get(reset.model, {}), **reset)}) -%}{%- endfor -%}
      {%- do list_raw_objects(next_batch_id(records)) -%}
      {%- set plan = compute_run_plan(records) -%}
      {%- do fail_if_raw_is_not_read(plan) -%}
      {%- for name in plan.readers if name in records and records[name].batch_id -%}
        {%- do resets.append(reset_record(name, 'their readers')) -%}
      {%- endfor -%}
      {%- if resets -%}{%- do run_query(insert_records(resets)) -%}{%- endif -%}
      {%- do graph.update({'tickerlake_plan': plan}) -%}
      {%- do fail_if_merge_floor_too_late(records) -%}
      {%- do log_run_plan() -%}
    {%- endif -%}
  {%- endif -%}
{% endmacro %}

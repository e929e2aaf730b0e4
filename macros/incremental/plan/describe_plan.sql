{% macro describe_plan(selected) %}
  {%- do fail_if_var_invalid() -%}
  {%- do graph.update({'tickerlake_selected': selected, 'tickerlake_plan': {}}) -%}
  {%- set has_records, records, scanned = load_relation(audit_relation('model_watermark')), {}, {} -%}
  {%- if has_records -%}
    {%- do records.update(read_records()) -%}
    {%- set recent_scans -%}
      select model, cast(avg(bytes_scanned) as bigint)
      from (
        select model, bytes_scanned, row_number() over (partition by model order by record_id desc) as age
        from {{ audit_relation('model_watermark') }}
        where bytes_scanned is not null
      ) as runs
      where age <= 5
      group by model
    {%- endset -%}
    {%- for row in run_query(recent_scans).rows -%}{%- do scanned.update({row[0]: row[1] | int}) -%}{%- endfor -%}
  {%- endif -%}
  {%- for reset in reset_records(records) -%}{%- do records.update({reset.model: dict(records.get(reset.model, {}), **reset)}) -%}{%- endfor -%}
  {%- if has_records -%}{%- do list_raw_objects(next_batch_id(records)) -%}{%- endif -%}
  {%- set plan = compute_run_plan(records) -%}
  {%- do fail_if_raw_is_not_read(plan) -%}
  {%- do graph.update({'tickerlake_plan': plan}) -%}
  {{ print('plan=' ~ tojson({
    'line': run_plan_line(), 'batch_id': plan.batch_id, 'arrival_from': plan.arrival_from, 'full': plan.full,
    'consumed': plan.consumed, 'scanned': scanned})) }}
{% endmacro %}

{% macro compute_run_plan(records) %}
  {%- set plan = {'batch_id': next_batch_id(records), 'consumed': {}, 'fingerprints': {}, 'full': {}, 'bounds': {}} -%}
  {%- set marks = [] -%}
  {%- for name, node in protocol_models().items() -%}
    {%- set record, fingerprint = records.get(name, {}), reference_fingerprint(node, records) -%}
    {%- set reason = full_reason(record, fingerprint) -%}
    {%- do plan.fingerprints.update({name: fingerprint}) -%}
    {%- do plan.consumed.update({name: 0 if reason else record.batch_id}) -%}
    {%- if reason -%}{%- do plan.full.update({name: reason}) -%}{%- endif -%}
    {%- if 'int_line__validated' in node.config.meta.consumes -%}{%- do marks.append(trusted_arrival(record.get('arrival_until', ''))) -%}{%- endif -%}
  {%- endfor -%}
  {%- set reload_from = var('reload_from') | string -%}
  {%- if 'int_line__validated' in plan.full or not marks | min -%}
    {%- do plan.update({'arrival_from': ''}) -%}
  {%- else -%}
    {%- set overlap_from = hours_before(marks | min, var('late_arrival_hours') | int) -%}
    {%- do plan.update({'arrival_from': [reload_from, overlap_from] | min if reload_from else overlap_from}) -%}
  {%- endif -%}
  {%- set late = late_hours(records, plan.arrival_from) if plan.arrival_from else {} -%}
  {%- if late.hours | length > 1000 -%}
    {%- do plan.update({'arrival_from': late.hours | first}) -%}
    {%- do late.update({'hours': []}) -%}
  {%- endif -%}
  {%- do plan.update({
    'late_hours': late.hours or [],
    'restates': plan.arrival_from == '' or reload_from != '' or late.hours != [] or late.replaces}) -%}
  {{ return(plan) }}
{% endmacro %}

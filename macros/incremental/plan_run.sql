{#- What this run has to do, from the records alone: see run_plan for the fields. -#}
{% macro plan_run(known) %}
  {%- set plan = {'batch_id': next_batch_id(known), 'consumed': {}, 'fingerprints': {}, 'bounds': {}} -%}
  {%- set models, marks = protocol_models(), [] -%}
  {%- set restates = namespace(raw=false) -%}
  {%- for name, node in models.items() -%}
    {%- set record = known.get(name, {}) -%}
    {%- set fingerprint = reference_fingerprint(node, known) -%}
    {%- set is_current = record.get('fingerprint') == fingerprint -%}
    {%- do plan.fingerprints.update({name: fingerprint}) -%}
    {%- do plan.consumed.update({name: record.get('batch_id', 0) if is_current else 0}) -%}
    {%- if 'int_bar__arrived' in node.config.meta.consumes -%}{%- do marks.append(record.get('arrival_until', '')) -%}{%- endif -%}
    {%- if name == 'int_bar__arrived' and not is_current -%}{%- set restates.raw = true -%}{%- endif -%}
  {%- endfor -%}
  {%- set mark = marks | min -%}
  {%- set reload_from = var('reload_from') | string -%}
  {%- if restates.raw or not mark -%}
    {%- do plan.update({'arrival_from': ''}) -%}
  {%- else -%}
    {%- set hour = modules.datetime.datetime.strptime(mark, '%Y-%m-%d %H') - modules.datetime.timedelta(hours=var('late_arrival_hours') | int) -%}
    {%- set overlap_from = hour.strftime('%Y-%m-%d %H') -%}
    {%- do plan.update({'arrival_from': [reload_from, overlap_from] | min if reload_from else overlap_from}) -%}
  {%- endif -%}
  {%- do plan.update({'restates': plan.arrival_from == '' or reload_from != ''}) -%}
  {{ return(plan) }}
{% endmacro %}

{#- One more than the newest record: greater than the batch of any row that a recorded run wrote, so that a reader can follow
    a mart by it. A killed run leaves no record, and its number is used again. -#}
{% macro next_batch_id(known) %}
  {%- set newest = [0] -%}
  {%- for record in known.values() -%}{%- do newest.append(record.get('record_id', 0)) -%}{%- endfor -%}
  {{ return((newest | max) + 1) }}
{% endmacro %}

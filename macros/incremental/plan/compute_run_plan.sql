{% macro compute_run_plan(records) %}
  {%- set plan = {
    'batch_id': next_batch_id(records), 'consumed': {}, 'fingerprints': {}, 'full': {}, 'replaced': [], 'readers': [], 'postponed': {},
    'bounds': {}
  } -%}
  {%- set marks, models = [], protocol_models() -%}
  {%- for name, node in models.items() -%}
    {%- set record, fingerprint = records.get(name, {}), reference_fingerprint(node, records) -%}
    {%- set reason = full_reason(record, fingerprint) -%}
    {%- if reason and record.batch_id and var('postpone_restatement') -%}
      {%- do plan.postponed.update({name: reason}) -%}
    {%- elif reason -%}
      {%- do plan.full.update({name: reason}) -%}
      {%- if node.unique_id in selected_nodes() and not merges_change(node, record, fingerprint) -%}{%- do plan.replaced.append(name) -%}{%- endif -%}
    {%- endif -%}
    {#- what is postponed stays recorded as it was, so that a later run does it -#}
    {%- do plan.fingerprints.update({name: record.fingerprint if name in plan.postponed else fingerprint}) -%}
  {%- endfor -%}
  {#- the list grows while it is read: readers of readers, too -#}
  {%- for parent in plan.replaced -%}
    {%- for name, node in models.items() if parent in node.config.meta.consumes and name not in plan.replaced -%}
      {%- do plan.replaced.append(name) -%}
      {%- do plan.readers.append(name) -%}
      {%- if name not in plan.full -%}{%- do plan.full.update({name: 'their readers'}) -%}{%- endif -%}
    {%- endfor -%}
  {%- endfor -%}
  {%- for name, node in models.items() -%}
    {%- do plan.consumed.update({name: 0 if name in plan.full else records[name].batch_id}) -%}
    {%- if 'int_line__validated' in node.config.meta.consumes and (name not in plan.full or node.unique_id in selected_nodes()) -%}
      {%- do marks.append('' if name in plan.full else trusted_arrival(records[name].arrival_until)) -%}
    {%- endif -%}
  {%- endfor -%}
  {%- set reload_from = var('reload_from') | string -%}
  {%- if 'int_line__validated' in plan.full or not marks or not marks | min -%}
    {%- do plan.update({'arrival_from': ''}) -%}
  {%- else -%}
    {%- set overlap_from = hours_before(marks | min, var('late_arrival_hours') | int) -%}
    {%- do plan.update({'arrival_from': [reload_from, overlap_from] | min if reload_from else overlap_from}) -%}
  {%- endif -%}
  {%- set late = late_hours(plan) if plan.arrival_from else {} -%}
  {%- if late.hours | length > 1000 -%}
    {%- do plan.update({'arrival_from': late.hours | first}) -%}
    {%- do late.update({'hours': []}) -%}
  {%- endif -%}
  {%- do plan.update({
    'late_hours': late.hours or [],
    'restates': plan.arrival_from == '' or reload_from != '' or late.hours != [] or late.replaces}) -%}
  {{ return(plan) }}
{% endmacro %}

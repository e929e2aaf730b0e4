{% macro run_plan_line() %}
  {%- set plan, full, selected = run_plan(), {}, [] -%}
  {%- for name, node in protocol_models().items() if node.unique_id in selected_nodes() -%}
    {%- do selected.append(name) -%}
    {%- if name in plan.full -%}{%- do full.setdefault(plan.full[name], []).append(name) -%}{%- endif -%}
  {%- endfor -%}
  {%- set reasons = [] -%}
  {%- for reason, names in full.items() if reason != 'their readers' -%}
    {%- do reasons.append(reason if names | length > 3 else names | join(' and ') ~ ': ' ~ reason) -%}
  {%- endfor -%}
  {%- if 'their readers' in full -%}{%- do reasons.append('their readers') -%}{%- endif -%}
  {%- set full_count = full.values() | map('length') | sum -%}
  {%- set line -%}
    plan: batch {{ plan.batch_id }}, raw from {{ plan.arrival_from or 'the beginning' }}
    {%- if plan.late_hours %} and {{ plan.late_hours | length }} late hours since {{ plan.late_hours | first }}{% endif -%}
    {%- if merge_floor() %}, fct_bar from {{ merge_floor() }}{% endif -%}
    , {{ selected | length - full_count }} models incremental, {{ full_count }} full
    {%- if reasons %} ({{ reasons | join('; ') }}){% endif -%}
    {%- if plan.postponed %}, {{ plan.postponed | length }} postponed ({{ plan.postponed.values() | unique | join('; ') }}){% endif -%}
  {%- endset -%}
  {{ return(line) }}
{% endmacro %}

{% macro late_hours(plan) %}
  {%- set consumed, late = [], {'hours': [], 'replaces': false} -%}
  {%- for name, node in protocol_models().items() if 'int_line__validated' in node.config.meta.consumes and name not in plan.full -%}
    {%- do consumed.append(plan.consumed[name]) -%}
  {%- endfor -%}
  {%- set unread -%}
    select dt || ' ' || hr, max(case when replaces then 1 else 0 end)
    from {{ raw_objects() }} as objects
    where problem = '' and batch_id > {{ consumed | min or 0 }} and (replaces or dt || ' ' || hr < '{{ plan.arrival_from }}')
    group by 1
    order by 1
  {%- endset -%}
  {%- for hour, replaces in run_query(unread).rows -%}
    {%- if hour < plan.arrival_from -%}{%- do late.hours.append(hour) -%}{%- endif -%}
    {%- if replaces -%}{%- do late.update({'replaces': true}) -%}{%- endif -%}
  {%- endfor -%}
  {{ return(late) }}
{% endmacro %}

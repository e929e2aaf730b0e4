{% macro late_hours(records, arrival_from) %}
  {%- set consumed, late = [], {'hours': [], 'replaces': false} -%}
  {%- for name, node in protocol_models().items() if 'int_line__validated' in node.config.meta.consumes -%}
    {%- do consumed.append(records.get(name, {}).get('batch_id', 0)) -%}
  {%- endfor -%}
  {%- set unread -%}
    select dt || ' ' || hr, max(case when replaces then 1 else 0 end)
    from {{ raw_objects() }} as objects
    where problem = '' and batch_id > {{ consumed | min }} and (replaces or dt || ' ' || hr < '{{ arrival_from }}')
    group by 1
    order by 1
  {%- endset -%}
  {%- for hour, replaces in run_query(unread).rows -%}
    {%- if hour < arrival_from -%}{%- do late.hours.append(hour) -%}{%- endif -%}
    {%- if replaces -%}{%- do late.update({'replaces': true}) -%}{%- endif -%}
  {%- endfor -%}
  {{ return(late) }}
{% endmacro %}

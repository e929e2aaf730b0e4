{% macro new_arrivals() -%}
  {%- set arrival_from, late_hours = run_plan().get('arrival_from', ''), run_plan().get('late_hours', []) -%}
  {%- set hour -%}dt || ' ' || hr{%- endset -%}
  {%- set quoted_hours, quoted_days = [], [] -%}
  {%- for late in late_hours -%}
    {%- do quoted_hours.append(quote_text(late)) -%}
    {%- do quoted_days.append(quote_text(late.split(' ') | first)) -%}
  {%- endfor -%}
  {%- if late_hours -%}
    (dt >= '{{ arrival_from.split(' ') | first }}' or dt in ({{ quoted_days | unique | join(', ') }}))
    and ({{ hour }} >= '{{ arrival_from }}' or {{ hour }} in ({{ quoted_hours | join(', ') }}))
  {%- elif arrival_from -%}
    dt >= '{{ arrival_from.split(' ') | first }}' and {{ hour }} >= '{{ arrival_from }}'
  {%- else -%}
    true
  {%- endif -%}
{%- endmacro %}

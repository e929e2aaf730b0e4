{% macro new_arrivals() -%}
  {%- set arrival_from = run_plan().get('arrival_from', '') -%}
  {%- if arrival_from -%}
    dt >= '{{ arrival_from.split(' ') | first }}' and dt || ' ' || hr >= '{{ arrival_from }}'
  {%- else -%}
    true
  {%- endif -%}
{%- endmacro %}

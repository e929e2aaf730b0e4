{% macro consumed_arrival(name, models, records) %}
  {%- if name == 'int_line__validated' -%}
    {%- set newest_hour -%}
      select max(dt || ' ' || hr) from {{ node_relation(models[name]) }}
    {%- endset -%}
    {%- set consumed = trusted_arrival(records.get(name, {}).get('arrival_until', '')) -%}
    {{ return([[run_query(newest_hour).rows[0][0] or '', consumed] | max, run_hour()] | min) }}
  {%- elif 'int_line__validated' in models[name].config.meta.consumes -%}
    {{ return(records.get('int_line__validated', {}).get('arrival_until', '')) }}
  {%- endif -%}
  {{ return('') }}
{% endmacro %}

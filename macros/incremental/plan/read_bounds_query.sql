{% macro read_bounds_query() %}
  {%- set consumed, lookbacks = [], [] -%}
  {%- for name, node in protocol_models().items() if 'lookback' in node.config.meta -%}
    {%- do consumed.append(run_plan().consumed.get(name, 0)) -%}
    {%- do lookbacks.append((name, node.config.meta.lookback, node.config.meta.lookback_dates)) -%}
  {%- endfor -%}
  select model, cast(min(read_from) as varchar)
  from ({{ series_lookback(consumed | min, lookbacks) }}) as series
  group by model
{% endmacro %}

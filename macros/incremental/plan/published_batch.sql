{% macro published_batch(records) %}
  {%- set consumed = [] -%}
  {%- for name, node in protocol_models().items() if 'fct_bar' in node.config.meta.consumes -%}
    {%- do consumed.append(records.get(name, {}).get('batch_id', 0)) -%}
  {%- endfor -%}
  {{ return(consumed | min) }}
{% endmacro %}

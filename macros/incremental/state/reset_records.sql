{% macro reset_records(records) %}
  {%- set resets = [] -%}
  {%- for name, node in protocol_models().items() -%}
    {%- set is_refreshed = flags.FULL_REFRESH and node.unique_id in selected_nodes() -%}
    {%- if is_refreshed -%}
      {%- do resets.append(reset_record(name, 'full refresh')) -%}
    {%- elif name in records and not load_relation(node_relation(node)) -%}
      {%- do resets.append(reset_record(name, 'table is gone')) -%}
    {%- endif -%}
  {%- endfor -%}
  {{ return(resets) }}
{% endmacro %}

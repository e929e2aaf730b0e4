{% macro is_up_to_date(records) %}
  {%- for node in graph.nodes.values() if node.resource_type == 'seed' -%}
    {%- if records.get('seed.' ~ node.name, {}).get('fingerprint') != node.checksum.checksum -%}{{ return(false) }}{%- endif -%}
  {%- endfor -%}
  {%- for name, node in protocol_models().items() if not (var('postpone_restatement') and records.get(name, {}).batch_id) -%}
    {%- if full_reason(records.get(name, {}), reference_fingerprint(node, records)) -%}{{ return(false) }}{%- endif -%}
  {%- endfor -%}
  {{ return(true) }}
{% endmacro %}

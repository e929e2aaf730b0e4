{% macro reference_fingerprint(node, records) %}
  {%- set parts = ['definition=' ~ short_hash(definition_of(node))] -%}
  {%- for name in node.config.meta.get('vars', []) -%}
    {%- do parts.append('var ' ~ name ~ '=' ~ short_hash(var(name))) -%}
  {%- endfor -%}
  {%- for name in node.config.meta.get('seeds', []) -%}
    {%- set id = 'seed.' ~ project_name ~ '.' ~ name -%}
    {%- set loaded = graph.nodes[id].checksum.checksum if id in selected_nodes() else records.get('seed.' ~ name, {}).get('fingerprint', '') -%}
    {%- do parts.append('seed ' ~ name ~ '=' ~ short_hash(loaded)) -%}
  {%- endfor -%}
  {{ return(parts | join(', ')) }}
{% endmacro %}

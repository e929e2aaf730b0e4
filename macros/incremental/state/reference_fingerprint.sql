{#- What a model's rows depend on besides its parents: a hash for each var in meta.vars and each seed in meta.seeds, as the text
    'var anomaly_pct=1f0e3dad, seed symbol=8d5e957f'. A seed counts as the file when this run loads it, else as what was
    loaded last. -#}
{% macro reference_fingerprint(node, records) %}
  {%- set parts = [] -%}
  {%- for name in node.config.meta.get('vars', []) -%}
    {%- do parts.append('var ' ~ name ~ '=' ~ short_hash(var(name))) -%}
  {%- endfor -%}
  {%- for name in node.config.meta.get('seeds', []) -%}
    {%- set id = 'seed.' ~ project_name ~ '.' ~ name -%}
    {%- set loaded = graph.nodes[id].checksum.checksum if id in selected_resources else records.get('seed.' ~ name, {}).get('fingerprint', '') -%}
    {%- do parts.append('seed ' ~ name ~ '=' ~ short_hash(loaded)) -%}
  {%- endfor -%}
  {{ return(parts | join(', ')) }}
{% endmacro %}

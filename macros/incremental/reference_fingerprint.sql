{#- What a model's rows depend on besides its parents: the values of the vars in meta.vars and the contents of the seeds in
    meta.seeds, as one hash. A seed counts as the file when this run loads it, else as what was loaded last. -#}
{% macro reference_fingerprint(node, known) %}
  {%- set parts = [] -%}
  {%- for name in node.config.meta.get('vars', []) -%}{%- do parts.append(name ~ '=' ~ var(name)) -%}{%- endfor -%}
  {%- for name in node.config.meta.get('seeds', []) -%}
    {%- set id = 'seed.' ~ project_name ~ '.' ~ name -%}
    {%- if id in selected_resources -%}
      {%- do parts.append(name ~ '=' ~ graph.nodes[id].checksum.checksum) -%}
    {%- else -%}
      {%- do parts.append(name ~ '=' ~ known.get('seed.' ~ name, {}).get('fingerprint', '')) -%}
    {%- endif -%}
  {%- endfor -%}
  {{ return(local_md5(parts | join('\n'))) }}
{% endmacro %}

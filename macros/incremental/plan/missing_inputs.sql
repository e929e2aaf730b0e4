{% macro missing_inputs(selected) %}
  {%- set missing, waiting = [], [] -%}
  {%- for id in selected -%}{%- do waiting.extend(graph.nodes[id].depends_on.nodes) -%}{%- endfor -%}
  {%- for node in graph.nodes.values() if node.unique_id in waiting and node.unique_id not in selected -%}
    {%- if node.config.materialized != 'ephemeral' and not load_relation(node_relation(node)) -%}{%- do missing.append(node.name) -%}{%- endif -%}
  {%- endfor -%}
  {{ print('missing=' ~ missing | sort | join(', ')) }}
{% endmacro %}

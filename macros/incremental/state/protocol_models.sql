{#- The models that take part in the incremental protocol, as {name: node}: those whose config has meta.consumes, the
    names of the protocol models they read (none for one that reads raw or seeds). Only while executing. -#}
{% macro protocol_models() %}
  {%- set models = {} -%}
  {%- for node in graph.nodes.values() if node.resource_type == 'model' and node.config.meta.consumes is defined -%}
    {%- do models.update({node.name: node}) -%}
  {%- endfor -%}
  {{ return(models) }}
{% endmacro %}

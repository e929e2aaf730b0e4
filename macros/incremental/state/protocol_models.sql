{% macro protocol_models() %}
  {%- set models = {} -%}
  {%- for node in graph.nodes.values() if node.resource_type == 'model' and node.config.meta.consumes is defined -%}
    {%- do models.update({node.name: node}) -%}
  {%- endfor -%}
  {{ return(models) }}
{% endmacro %}

{% macro model_relation(name) %}
  {{ return(node_relation(protocol_models()[name])) }}
{% endmacro %}

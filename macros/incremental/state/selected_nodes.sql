{% macro selected_nodes() %}
  {{ return(graph.get('tickerlake_selected', selected_resources)) }}
{% endmacro %}

{% macro line_version() %}
  {{ return(['is_final', 'received_at', 'run_id', 'line_number', 'source_object']) }}
{% endmacro %}

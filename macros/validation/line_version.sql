{#- The columns that order the versions of a bar or day, from the raw line that brought it: a final one is never replaced by a
    provisional one, then the latest wins. -#}
{% macro line_version() %}
  {{ return(['is_final', 'received_at', 'run_id', 'line_number', 'source_object']) }}
{% endmacro %}

{% macro next_batch_id(records) %}
  {{ return((records.values() | map(attribute='record_id', default=0) | max | default(0, true)) + 1) }}
{% endmacro %}

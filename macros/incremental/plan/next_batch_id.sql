{#- The batch of this run: one more than the newest record's, hence greater than the batch of any row that a recorded run wrote,
    so that a reader can follow a mart by it. A killed run leaves no record, and its number is used again. -#}
{% macro next_batch_id(records) %}
  {{ return((records.values() | map(attribute='record_id', default=0) | max | default(0, true)) + 1) }}
{% endmacro %}

{% macro consumed_batch() -%}
  {{ run_plan().get('consumed', {}).get(this.identifier, 0) }}
{%- endmacro %}

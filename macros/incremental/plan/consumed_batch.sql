{#- The batch up to which this model has seen its parents: what it reads is everything above. -#}
{% macro consumed_batch() -%}
  {{ run_plan().get('consumed', {}).get(this.identifier, 0) }}
{%- endmacro %}

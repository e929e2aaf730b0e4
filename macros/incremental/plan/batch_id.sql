{#- The number of this run, for the batch_id of the rows that it writes. -#}
{% macro batch_id() -%}
  cast({{ run_plan().get('batch_id', 0) }} as bigint)
{%- endmacro %}

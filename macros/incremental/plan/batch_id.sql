{% macro batch_id() -%}
  cast({{ run_plan().get('batch_id', 0) }} as bigint)
{%- endmacro %}

{% macro fail_if_merge_floor_too_late(records) %}
  {%- set floor = merge_floor() -%}
  {%- set earliest = earliest_unconsumed(records) if floor else none -%}
  {%- if earliest and earliest < floor or floor and (restates_raw() or not is_up_to_date(records)) -%}
    {{ exceptions.raise_compiler_error(
      "TICKERLAKE_MERGE_FROM is " ~ floor ~ ", later than what this run must write: unset it, or use `python -m pipeline build`, which sets it") }}
  {%- endif -%}
{% endmacro %}

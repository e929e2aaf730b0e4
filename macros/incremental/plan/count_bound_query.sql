{% macro count_bound_query() %}
  select 'count', cast(coalesce(min(bar_date), date '9999-12-31') as varchar)
  from {{ ref('fct_bar') }}
  where batch_id > {{ [run_plan().consumed.get('int_bar__count_by_date', 0), run_plan().consumed.get('fct_daily_bar', 0)] | min }}
{% endmacro %}

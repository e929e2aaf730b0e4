{% macro merge_bound_query() %}
  {%- set consumed = run_plan().consumed -%}
  select 'merge', cast(coalesce(min(bar_date), date '9999-12-31') as varchar)
  from (
    select min(event_date) as bar_date from {{ ref('int_line__validated') }} where dataset = 'bars' and reasons = ''
    union all
    select min(split_date) from ({{ changed_splits(consumed.get('fct_bar', 0)) }}) as splits
  ) as earliest
{% endmacro %}

{#- The planning queries of a run, each asked once, when its parents are built: the dates from which the target of a merge
    and the input of the windows must be read. Literals prune files on every engine; sub-queries do not.

    scope 'merge'  the earliest date that fct_bar may write: the new arrivals', or the first of a split learned late
    scope 'count'  the earliest date with a bar that int_bar__count_by_date or fct_daily_bar has not seen yet
    scope 'read'   the earliest date that a window mart reads: the first changed bar less the longest reach of all marts

    Returns a 'YYYY-MM-DD' text, or none when there is no bound to know (first build, compile, unit test). -#}
{% macro date_bounds(scope) %}
  {%- set plan = run_plan() -%}
  {%- if not plan or not is_incremental() -%}{{ return(none) }}{%- endif -%}
  {%- if scope not in plan.bounds -%}
    {%- set query = {'merge': merge_bound_query, 'count': count_bound_query, 'read': read_bound_query}[scope] -%}
    {%- do plan.bounds.update({scope: run_query(query()).rows[0][0] | string}) -%}
  {%- endif -%}
  {{ return(plan.bounds[scope]) }}
{% endmacro %}

{% macro merge_bound_query() %}
  {%- set consumed = run_plan().consumed -%}
  select cast(coalesce(min(bar_date), date '9999-12-31') as varchar)
  from (
    select min(bar_date) as bar_date from {{ ref('int_bar__arrived') }} where reasons = '' and dataset = 'bars'
    union all
    select min(effective_date) from ({{ changed_splits(consumed.get('fct_bar', 0)) }}) as splits
  ) as earliest
{% endmacro %}

{% macro count_bound_query() %}
  select cast(coalesce(min(bar_date), date '9999-12-31') as varchar)
  from {{ ref('fct_bar') }}
  where batch_id > {{ [run_plan().consumed.get('int_bar__count_by_date', 0), run_plan().consumed.get('fct_daily_bar', 0)] | min }}
{% endmacro %}

{% macro read_bound_query() %}
  {%- set consumed, reach, dates = [], [0], [0] -%}
  {%- for name, node in protocol_models().items() if 'reach' in node.config.meta -%}
    {%- do consumed.append(run_plan().consumed.get(name, 0)) -%}
    {%- do reach.append(node.config.meta.reach) -%}
    {%- do dates.append(node.config.meta.reach_dates) -%}
  {%- endfor -%}
  select cast(coalesce(min(read_from), date '9999-12-31') as varchar)
  from ({{ series_reach(consumed | min, reach | max, dates | max) }}) as series
{% endmacro %}

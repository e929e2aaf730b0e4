{#- The planning queries of a run, each asked once, when its parents are built: the dates from which the target of a merge
    and the input of the windows must be read. Literals prune files on every engine; sub-queries do not.

    scope 'merge'  the earliest date that fct_bar may write: the new arrivals', or the first of a split learned late
    scope 'count'  the earliest date with a bar that int_bar__count_by_date or fct_daily_bar has not seen yet
    scope 'read'   the earliest date that this window mart reads: the first changed bar less its lookback

    Returns a 'YYYY-MM-DD' text, or none when there is no bound to know (first build, compile, unit test). -#}
{% macro date_bounds(scope) %}
  {%- set plan = run_plan() -%}
  {%- if not plan or not is_incremental() -%}{{ return(none) }}{%- endif -%}
  {%- if scope not in plan.bounds -%}
    {%- set query, bounds = {'merge': merge_bound_query, 'count': count_bound_query, 'read': read_bounds_query}[scope], {} -%}
    {%- for row in run_query(query()).rows -%}{%- do bounds.update({row[0]: row[1] | string}) -%}{%- endfor -%}
    {%- do plan.bounds.update({scope: bounds}) -%}
  {%- endif -%}
  {{ return(plan.bounds[scope].get(this.identifier if scope == 'read' else scope, '9999-12-31')) }}
{% endmacro %}

{% macro merge_bound_query() %}
  {%- set consumed = run_plan().consumed -%}
  select 'merge', cast(coalesce(min(bar_date), date '9999-12-31') as varchar)
  from (
    select min(bar_date) as bar_date from {{ ref('int_bar__arrived') }} where reasons = '' and dataset = 'bars'
    union all
    select min(effective_date) from ({{ changed_splits(consumed.get('fct_bar', 0)) }}) as splits
  ) as earliest
{% endmacro %}

{% macro count_bound_query() %}
  select 'count', cast(coalesce(min(bar_date), date '9999-12-31') as varchar)
  from {{ ref('fct_bar') }}
  where batch_id > {{ [run_plan().consumed.get('int_bar__count_by_date', 0), run_plan().consumed.get('fct_daily_bar', 0)] | min }}
{% endmacro %}

{#- Of every window mart, in one statement: each that reads anything is paid for. -#}
{% macro read_bounds_query() %}
  {%- set consumed, lookbacks = [], [] -%}
  {%- for name, node in protocol_models().items() if 'lookback' in node.config.meta -%}
    {%- do consumed.append(run_plan().consumed.get(name, 0)) -%}
    {%- do lookbacks.append((name, node.config.meta.lookback, node.config.meta.lookback_dates)) -%}
  {%- endfor -%}
  select model, cast(min(read_from) as varchar)
  from ({{ series_lookback(consumed | min, lookbacks) }}) as series
  group by model
{% endmacro %}

{#- The planning queries of a run, each run once, when its parents are built: the dates from which the target of a merge
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

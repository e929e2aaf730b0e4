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

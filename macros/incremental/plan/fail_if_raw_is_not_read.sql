{% macro fail_if_raw_is_not_read(plan) %}
  {%- set models = protocol_models() -%}
  {%- for name in plan.replaced if models[name].unique_id in selected_nodes() -%}
    {%- set relation = load_relation(node_relation(models[name])) -%}
    {%- if name in ('fct_bar', 'fct_daily_bar', 'int_action__known') and relation -%}
      {%- do fail_if_raw_incomplete(name, relation) -%}
    {%- endif -%}
    {%- if 'int_line__validated' in models[name].config.meta.consumes and models['int_line__validated'].unique_id not in selected_nodes() -%}
      {{ exceptions.raise_compiler_error(
        name ~ " is to be built from the whole raw zone (" ~ plan.full[name] ~ "), so int_line__validated must run with it: "
        ~ "use `--select int_line__validated+`") }}
    {%- endif -%}
  {%- endfor -%}
{% endmacro %}

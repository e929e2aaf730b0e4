{% macro reset_records(records) %}
  {%- set resets, models = [], protocol_models() -%}
  {%- for name, node in models.items() -%}
    {%- set relation = load_relation(node_relation(node)) -%}
    {%- set is_refreshed = flags.FULL_REFRESH and node.unique_id in selected_nodes() -%}
    {%- if is_refreshed and relation and name in ('fct_bar', 'fct_daily_bar', 'int_action__known') -%}
      {%- do fail_if_raw_incomplete(name, relation) -%}
    {%- endif -%}
    {%- if is_refreshed or (name in records and not relation) -%}
      {%- do resets.append({
        'model': name, 'batch_id': 0, 'arrival_until': '', 'fingerprint': '',
        'reason': 'full refresh' if is_refreshed else 'table is gone'}) -%}
    {%- endif -%}
    {%- if (is_refreshed or not relation) and node.unique_id in selected_nodes() and 'int_line__validated' in node.config.meta.consumes
        and models['int_line__validated'].unique_id not in selected_nodes() -%}
      {{ exceptions.raise_compiler_error(
        name ~ " is to be built from the whole raw zone, so int_line__validated must run with it: use `--select int_line__validated+`") }}
    {%- endif -%}
  {%- endfor -%}
  {{ return(resets) }}
{% endmacro %}

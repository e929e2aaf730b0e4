{#- on-run-start: refuse what would lose data, take the lease, lay reset records, and plan the run. Acts in run, build and
    retry only; every other command leaves the records alone. -#}
{% macro begin_run() %}
  {%- if execute -%}
    {%- do graph.update({'tickerlake_plan': {}}) -%}
    {%- if flags.WHICH in ('run', 'build', 'retry', 'seed') -%}
      {%- do adapter.create_schema(audit_relation('model_watermark')) -%}
      {%- do run_query(create_watermark_table()) -%}
    {%- endif -%}
    {%- if flags.WHICH in ('run', 'build', 'retry') -%}
      {%- set known = read_records() -%}
      {%- if (flags.EMPTY or invocation_args_dict.get('sample')) and known -%}
        {{ exceptions.raise_compiler_error(
          "--empty and --sample would rebuild tables from no input in a schema that holds data: use another --target or "
          ~ "schema for them") }}
      {%- endif -%}
      {%- if var('as_of') and not flags.FULL_REFRESH -%}
        {{ exceptions.raise_compiler_error("var as_of rebuilds the past from the whole raw zone: add --full-refresh") }}
      {%- endif -%}
      {%- do acquire_lease() -%}
      {%- set resets = models_to_reset(known) -%}
      {%- if resets -%}
        {%- do run_query(insert_records(resets)) -%}
        {%- for reset in resets -%}{%- do known.update({reset.model: reset}) -%}{%- endfor -%}
      {%- endif -%}
      {%- do graph.update({'tickerlake_plan': plan_run(known)}) -%}
      {%- do refuse_narrow_merge(known) -%}
    {%- endif -%}
  {%- endif -%}
{% endmacro %}

{#- Reset records ('consume everything') for the models that a full refresh will rebuild, and for those whose table is gone. -#}
{% macro models_to_reset(known) %}
  {%- set resets, models = [], protocol_models() -%}
  {%- for name, node in models.items() -%}
    {%- set relation = load_relation(node_relation(node)) -%}
    {%- set is_refreshed = flags.FULL_REFRESH and node.unique_id in selected_resources -%}
    {%- if is_refreshed and relation and name in ('fct_bar', 'fct_daily_bar', 'int_action__known') -%}
      {%- do refuse_to_forget(name, relation) -%}
    {%- endif -%}
    {%- if is_refreshed or (name in known and not relation) -%}
      {%- do resets.append({'model': name, 'batch_id': 0, 'arrival_until': '', 'fingerprint': ''}) -%}
    {%- endif -%}
    {%- if (is_refreshed or not relation) and node.unique_id in selected_resources and 'int_bar__arrived' in node.config.meta.consumes
        and models['int_bar__arrived'].unique_id not in selected_resources -%}
      {{ exceptions.raise_compiler_error(
        name ~ " is to be built from the whole raw zone, so int_bar__arrived must run with it: add it to --select") }}
    {%- endif -%}
  {%- endfor -%}
  {{ return(resets) }}
{% endmacro %}

{#- A full refresh forgets what raw no longer holds: refuse it when raw begins later than the stored rows' arrivals. -#}
{% macro refuse_to_forget(name, stored_rows) %}
  {%- set dataset = {'fct_bar': 'bars', 'fct_daily_bar': 'daily_bars', 'int_action__known': 'corporate_actions'}[name] -%}
  {%- set stored = run_query(
    "select min(nullif(regexp_extract(source_object, '" ~ dataset ~ "/dt=([0-9-]{10})', 1), '')) from " ~ stored_rows).rows[0][0] -%}
  {%- set landed = run_query(first_arrival_date(dataset)).rows[0][0] if stored else none -%}
  {%- if stored and (not landed or landed > stored) -%}
    {{ exceptions.raise_compiler_error(
      "raw begins on " ~ (landed or 'no day at all') ~ " but " ~ name ~ " holds " ~ {'fct_bar': 'bars', 'fct_daily_bar': 'days'}.get(name, 'events') ~ " that arrived on " ~ stored ~ ": a full refresh "
      ~ "would lose them. Restore raw/" ~ dataset ~ " from " ~ stored ~ " on, or run without --full-refresh") }}
  {%- endif -%}
{% endmacro %}

{#- Run-operation before a build on an engine that needs merge_floor: print merge_from=YYYY-MM-DD, the earliest date that the
    coming run may write, or merge_from= where only an unbounded merge is safe (nothing recorded, reference data or vars
    changed, raw read again). Lines that land after this question and are older stay out of the run: the next one reads the
    overlap of arrivals and takes them. -#}
{% macro plan_merge() %}
  {%- do adapter.create_schema(audit_relation('model_watermark')) -%}
  {%- do run_query(create_watermark_table()) -%}
  {%- set known = read_records() -%}
  {%- do graph.update({'tickerlake_plan': plan_run(known)}) -%}
  {%- if restates_raw() or not has_seen_all(known) -%}
    {{ return(print('merge_from=')) }}
  {%- endif -%}
  {%- set bar_start = parse_utc(json_text('record.bar_start')) -%}
  {%- set arrived = run_query(
    "select cast(" ~ add_units('min(cast(' ~ bar_start ~ ' as date))', -1, 'day') ~ " as varchar) from (select "
    ~ json_fields('line', ['bar_start']) ~ " as record from " ~ raw_lines('bars') ~ " as raw where " ~ new_arrivals() ~ ") as parsed"
  ).rows[0][0] -%}
  {%- set candidates = [arrived, earliest_unconsumed(known)] | select | map('string') | list -%}
  {{ print('merge_from=' ~ (candidates | min if candidates else '9999-12-31')[:10]) }}
{% endmacro %}

{#- True when every model and seed is recorded with the definitions and reference data of this project. -#}
{% macro has_seen_all(known) %}
  {%- for node in graph.nodes.values() if node.resource_type == 'seed' -%}
    {%- if known.get('seed.' ~ node.name, {}).get('fingerprint') != node.checksum.checksum -%}{{ return(false) }}{%- endif -%}
  {%- endfor -%}
  {%- for name, node in protocol_models().items() -%}
    {%- set record = known.get(name, {}) -%}
    {%- if not record.get('batch_id') or record.fingerprint != reference_fingerprint(node, known) -%}{{ return(false) }}{%- endif -%}
  {%- endfor -%}
  {{ return(true) }}
{% endmacro %}

{#- The earliest date of a bar that some reader of fct_bar has not recorded yet (a killed or failed run's), or none. -#}
{% macro earliest_unconsumed(known) %}
  {%- set consumed = [] -%}
  {%- for name, node in protocol_models().items() if 'fct_bar' in node.config.meta.consumes -%}
    {%- do consumed.append(known.get(name, {}).get('batch_id', 0)) -%}
  {%- endfor -%}
  {%- set bars = protocol_models()['fct_bar'] -%}
  {{ return(run_query("select cast(min(bar_date) as varchar) from "
    ~ api.Relation.create(database=bars.database, schema=bars.schema, identifier=bars.alias)
    ~ " where batch_id > " ~ (consumed | min)).rows[0][0]) }}
{% endmacro %}

{#- Stop a run whose floor does not cover what an earlier run left half done: its merges would insert what they should
    update. -#}
{% macro refuse_narrow_merge(known) %}
  {%- set floor = merge_floor() -%}
  {%- set earliest = earliest_unconsumed(known) if floor else none -%}
  {%- if earliest and earliest < floor or floor and (restates_raw() or not has_seen_all(known)) -%}
    {{ exceptions.raise_compiler_error(
      "TICKERLAKE_MERGE_FROM is " ~ floor ~ ", later than what this run must write: unset it, or use `python -m pipeline build`, which sets it") }}
  {%- endif -%}
{% endmacro %}

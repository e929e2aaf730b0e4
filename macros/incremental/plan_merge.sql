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
  {%- set candidates = [arrived, earliest_new_split(), earliest_unconsumed(known)] | select | map('string') | list -%}
  {{ print('merge_from=' ~ (candidates | min if candidates else '9999-12-31')[:10]) }}
{% endmacro %}

{#- The earliest date of a split among the new lines that is not known with this ratio, or none: bars from there on change. -#}
{% macro earliest_new_split() %}
  {{ return(run_query(
    "select cast(min(" ~ parse_date(json_text('new.record.effective_date')) ~ ") as varchar) from (select "
    ~ json_fields('line', ['symbol', 'kind', 'effective_date', 'ratio']) ~ " as record from " ~ raw_lines('corporate_actions')
    ~ " as raw where " ~ new_arrivals() ~ ") as new left join "
    ~ model_relation('int_action__known') ~ " as known on known.symbol = " ~ json_text('new.record.symbol') ~ " and known.kind = 'split' and known.effective_date = "
    ~ parse_date(json_text('new.record.effective_date')) ~ " and known.ratio = try_cast(" ~ json_text('new.record.ratio') ~ " as double)"
    ~ " where " ~ json_text('new.record.kind') ~ " = 'split' and known.symbol is null").rows[0][0]) }}
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

{#- The earliest date of a bar that some reader of fct_bar has not recorded yet, or that no release shows, or of a split that
    fct_bar has not seen (a killed or failed run's), or none. -#}
{% macro earliest_unconsumed(known) %}
  {%- set seen = [readers_have_seen(known), known.get('release', {}).get('batch_id', 0)] | min -%}
  {{ return(run_query(
    "select cast(min(earliest) as varchar) from (select min(bar_date) as earliest from " ~ model_relation('fct_bar')
    ~ " where batch_id > " ~ seen ~ " union all select min(effective_date) from " ~ model_relation('int_action__known')
    ~ " where kind = 'split' and batch_id > " ~ known.get('fct_bar', {}).get('batch_id', 0) ~ ") as dates").rows[0][0]) }}
{% endmacro %}

{#- The batch up to which every reader of fct_bar has recorded its bars. -#}
{% macro readers_have_seen(known) %}
  {%- set consumed = [] -%}
  {%- for name, node in protocol_models().items() if 'fct_bar' in node.config.meta.consumes -%}
    {%- do consumed.append(known.get(name, {}).get('batch_id', 0)) -%}
  {%- endfor -%}
  {{ return(consumed | min) }}
{% endmacro %}

{#- The table of a protocol model. -#}
{% macro model_relation(name) %}
  {{ return(node_relation(protocol_models()[name])) }}
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

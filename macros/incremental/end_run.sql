{#- on-run-end: record, in one statement, what each model that succeeded has consumed. A model that reads raw or seeds gets
    the run's batch; every other one the smallest batch that its parents have recorded, so that partial selections, failures
    and half-written parents heal by themselves in the next run. -#}
{% macro end_run(results) %}
  {%- if execute and flags.WHICH in ('run', 'build', 'retry', 'seed') and not flags.EMPTY and not invocation_args_dict.get('sample') -%}
    {%- set known, records, plan, models = read_records(), [], run_plan(), protocol_models() -%}
    {%- for result in results if result.status == 'success' -%}
      {%- set node, record = result.node, {} -%}
      {%- if node.resource_type == 'seed' -%}
        {%- do record.update({'model': 'seed.' ~ node.name, 'batch_id': 0, 'arrival_until': '', 'fingerprint': node.checksum.checksum}) -%}
      {%- elif node.name in models and plan -%}
        {%- set batches = [] -%}
        {%- for parent in models[node.name].config.meta.consumes -%}
          {%- do batches.append(known.get(parent, {}).get('batch_id', 0)) -%}
        {%- endfor -%}
        {%- do record.update({
          'model': node.name,
          'batch_id': batches | min if batches else plan.batch_id,
          'arrival_until': consumed_arrival(node.name, models, known),
          'fingerprint': plan.fingerprints[node.name],
          'seconds': result.execution_time,
          'rows_affected': result.adapter_response.get('rows_affected', 'null'),
          'bytes_scanned': result.adapter_response.get('data_scanned_in_bytes', 'null')}) -%}
      {%- endif -%}
      {%- if record -%}
        {%- do known.update({record.model: record}) -%}
        {%- do records.append(record) -%}
      {%- endif -%}
    {%- endfor -%}
    {%- if records -%}{%- do run_query(insert_records(records)) -%}{%- endif -%}
    {%- if plan -%}{%- do release_lease() -%}{%- endif -%}
  {%- endif -%}
{% endmacro %}

{#- The newest arrival hour a model has seen: int_bar__arrived looks at its rows, its readers take what it has recorded. -#}
{% macro consumed_arrival(name, models, known) %}
  {%- if name == 'int_bar__arrived' -%}
    {%- set newest = run_query("select max(dt || ' ' || hr) from " ~ node_relation(models[name])).rows[0][0] -%}
    {{ return([newest or '', known.get(name, {}).get('arrival_until', '')] | max) }}
  {%- elif 'int_bar__arrived' in models[name].config.meta.consumes -%}
    {{ return(known.get('int_bar__arrived', {}).get('arrival_until', '')) }}
  {%- endif -%}
  {{ return('') }}
{% endmacro %}

{% macro end_run(results) %}
  {%- if execute and flags.WHICH in ('run', 'build', 'retry', 'seed') and not flags.EMPTY and not invocation_args_dict.get('sample') -%}
    {%- set recorded, records, plan, models = read_records(), [], run_plan(), protocol_models() -%}
    {%- for result in results if result.status == 'success' -%}
      {%- set node, record = result.node, {} -%}
      {%- if node.resource_type == 'seed' -%}
        {%- do record.update({'model': 'seed.' ~ node.name, 'batch_id': 0, 'arrival_until': '', 'fingerprint': node.checksum.checksum}) -%}
      {%- elif node.name in models and plan -%}
        {%- set batches = [] -%}
        {%- for parent in models[node.name].config.meta.consumes -%}
          {%- do batches.append(recorded.get(parent, {}).get('batch_id', 0)) -%}
        {%- endfor -%}
        {%- do record.update({
          'model': node.name,
          'batch_id': batches | min if batches else plan.batch_id,
          'arrival_until': consumed_arrival(node.name, models, recorded),
          'fingerprint': plan.fingerprints[node.name],
          'seconds': result.execution_time,
          'rows_affected': result.adapter_response.get('rows_affected', 'null'),
          'bytes_scanned': result.adapter_response.get('data_scanned_in_bytes', 'null')}) -%}
      {%- endif -%}
      {%- if record -%}
        {%- do recorded.update({record.model: record}) -%}
        {%- do records.append(record) -%}
      {%- endif -%}
    {%- endfor -%}
    {%- if records -%}{%- do run_query(insert_records(records)) -%}{%- endif -%}
    {%- if plan -%}{%- do release_lease() -%}{%- endif -%}
  {%- endif -%}
{% endmacro %}

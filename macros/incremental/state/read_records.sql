{% macro read_records() %}
  {%- set newest -%}
    select model, max_by(batch_id, record_id), max_by(arrival_until, record_id), max_by(fingerprint, record_id), max(record_id)
    from {{ audit_relation('model_watermark') }}
    group by model
  {%- endset -%}
  {%- set records = {} -%}
  {%- for row in run_query(newest).rows -%}
    {%- do records.update({row[0]: {
      'batch_id': row[1] | int, 'arrival_until': row[2], 'fingerprint': row[3], 'record_id': row[4] | int}}) -%}
  {%- endfor -%}
  {{ return(records) }}
{% endmacro %}

{% macro create_watermark_table() %}
  {{ return(create_audit_table(audit_relation('model_watermark'), {
    'record_id': 'bigint', 'model': 'text', 'batch_id': 'bigint', 'arrival_until': 'text', 'fingerprint': 'text',
    'invocation_id': 'text', 'recorded_at': 'timestamp', 'seconds': 'double', 'rows_affected': 'bigint',
    'bytes_scanned': 'bigint'})) }}
{% endmacro %}

{% macro reset_record(name, reason) %}
  {{ return({'model': name, 'batch_id': 0, 'arrival_until': '', 'fingerprint': '', 'reason': reason}) }}
{% endmacro %}

{% macro bar_key() %}
  {{ return(['symbol', 'bar_interval', 'source', 'bar_start_at', 'bar_date']) }}
{% endmacro %}

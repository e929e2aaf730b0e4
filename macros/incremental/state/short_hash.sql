{% macro short_hash(value) %}
  {{ return(local_md5(value | string) | truncate(16, true, '')) }}
{% endmacro %}

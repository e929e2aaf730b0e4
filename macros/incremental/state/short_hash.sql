{#- Sixteen digits of the MD5 of a value's text: enough to see that it has changed. -#}
{% macro short_hash(value) %}
  {{ return(local_md5(value | string) | truncate(16, true, '')) }}
{% endmacro %}

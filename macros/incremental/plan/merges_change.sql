{% macro merges_change(node, record, fingerprint) %}
  {%- set merged = node.config.meta.get('merged', []) -%}
  {%- set changed = changed_parts(record, fingerprint) -%}
  {{ return(changed and not changed | reject('in', merged) | list) }}
{% endmacro %}

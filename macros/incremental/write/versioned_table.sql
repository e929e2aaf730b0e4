{% macro versioned_table(key, content, version=[], consumes=[], vars=[], seeds=[], merged=[]) %}
  {%- set columns = {
    'key': key, 'content': content, 'version': version, 'lineage': version | reject('in', content) | list
  } -%}
  {%- do model.update({'versioned': columns}) -%}
  {{ config(
    materialized='incremental',
    unique_key=key,
    meta={'consumes': consumes, 'vars': vars, 'seeds': seeds, 'merged': merged, 'versioned': columns}
  ) }}
{% endmacro %}

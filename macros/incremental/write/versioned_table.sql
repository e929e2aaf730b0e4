{#- The configuration of an incremental table whose rows compete by version, and what write_changes needs to know of it:

    key      the columns that identify a row; never NULL
    content  the columns that say something: a row takes the batch_id of the run that changes one of them
    version  the columns that order the versions of a row, greatest wins, compared from left to right; those that are not content
             are its lineage, which follows the newest version but moves no batch_id. Without any, the table is a count of
             other tables' rows: whatever differs is written, and it has no batch_id
    consumes the models of the protocol that it reads
    vars, seeds  what else its rows depend on: see reference_fingerprint

    The columns of the table are key, content, lineage and batch_id, in this order. -#}
{% macro versioned_table(key, content, version=[], consumes=[], vars=[], seeds=[]) %}
  {%- set columns = {
    'key': key, 'content': content, 'version': version, 'lineage': version | reject('in', content) | list
  } -%}
  {%- do model.update({'versioned': columns}) -%}
  {{ config(
    materialized='incremental',
    unique_key=key,
    meta={'consumes': consumes, 'vars': vars, 'seeds': seeds, 'versioned': columns}
  ) }}
{% endmacro %}

{#- The columns of the versioned table that is being rendered: as its own SQL names them, or, in a hook, as configured. -#}
{% macro versioned_columns() %}
  {{ return(model.versioned or model.config.meta.versioned) }}
{% endmacro %}

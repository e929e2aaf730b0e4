{#- The id of a table's newest snapshot, to publish it by, or none where the whole catalogue is published as a copy. -#}
{% macro table_version(relation) %}{{ return(adapter.dispatch('table_version')(relation)) }}{% endmacro %}

{% macro default__table_version(relation) %}{{ unsupported_engine('table_version') }}{% endmacro %}

{% macro duckdb__table_version(relation) %}{{ return(none) }}{% endmacro %}

{% macro athena__table_version(relation) %}
  {{ return(run_query('select snapshot_id from "' ~ relation.schema ~ '"."' ~ relation.identifier
    ~ '$snapshots" order by committed_at desc limit 1').rows[0][0]) }}
{% endmacro %}

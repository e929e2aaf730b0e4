{% macro table_versions(relations) %}{{ return(adapter.dispatch('table_versions')(relations)) }}{% endmacro %}

{% macro default__table_versions(relations) %}{{ unsupported_engine('table_versions') }}{% endmacro %}

{% macro duckdb__table_versions(relations) %}{{ return({}) }}{% endmacro %}

{% macro athena__table_versions(relations) %}
  {%- set newest -%}
    {%- for relation in relations %}
    select '{{ relation.identifier }}', max_by(snapshot_id, committed_at) from {{ metadata_table(relation, 'snapshots') }}
    {{- ' union all' if not loop.last }}
    {%- endfor %}
  {%- endset -%}
  {%- set versions = {} -%}
  {%- for row in run_query(newest).rows -%}{%- do versions.update({row[0]: row[1]}) -%}{%- endfor -%}
  {{ return(versions) }}
{% endmacro %}

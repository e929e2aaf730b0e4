{% macro maintain() %}{{ return(adapter.dispatch('maintain')()) }}{% endmacro %}

{% macro default__maintain() %}{{ unsupported_engine('maintain') }}{% endmacro %}

{% macro duckdb__maintain() %}{% endmacro %}

{% macro athena__maintain() %}
  {%- do acquire_lease() -%}
  {%- set releases = kept_releases() -%}
  {%- set tables = [] -%}
  {%- for node in graph.nodes.values() | sort(attribute='name') if node.resource_type == 'model' and node.config.meta.maintenance -%}
    {%- if node.config.materialized == 'incremental' -%}
      {%- do tables.append((load_relation(node_relation(node)), node.config.meta.maintenance)) -%}
    {%- endif -%}
    {%- if node.name == 'fct_load_audit' -%}
      {%- for name in ('model_watermark', 'release', 'run_lease') -%}
        {%- do tables.append((load_relation(audit_relation(name)), node.config.meta.maintenance)) -%}
      {%- endfor -%}
    {%- endif -%}
  {%- endfor -%}
  {%- for table, wanted in tables if table -%}
    {%- set before = table_size(table) -%}
    {%- set keep = [wanted.keep_days * 86400, seconds_since_release(table, releases)] | max -%}
    {%- set properties -%}
      alter table `{{ table.schema }}`.`{{ table.identifier }}` set tblproperties (
        'write_target_data_file_size_bytes' = '{{ wanted.target_mb * 1000000 }}',
        'vacuum_max_snapshot_age_seconds' = '{{ keep }}'
      )
    {%- endset -%}
    {%- set optimize -%}optimize {{ table.schema }}.{{ table.identifier }} rewrite data using bin_pack{%- endset -%}
    {%- set vacuum -%}vacuum {{ table.schema }}.{{ table.identifier }}{%- endset -%}
    {%- do run_query(properties) -%}
    {%- do adapter.run_operation_with_potential_multiple_runs(optimize, "optimize") -%}
    {%- do adapter.run_operation_with_potential_multiple_runs(vacuum, "vacuum") -%}
    {%- set after = table_size(table) -%}
    {{ print(table.identifier ~ ": files " ~ before[0] ~ " -> " ~ after[0] ~ ", bytes " ~ before[1] ~ " -> " ~ after[1]
      ~ ", versions " ~ before[2] ~ " -> " ~ after[2]) }}
  {%- endfor -%}
  {%- do release_lease() -%}
{% endmacro %}

{% macro kept_releases() %}
  {%- set release = load_relation(audit_relation('release')) -%}
  {%- if not release -%}{{ return([]) }}{%- endif -%}
  {%- set kept -%}
    select versions
    from {{ release }}
    where release_id = (select max(release_id) from {{ release }})
      or released_at >= {{ add_units(current_utc(), -1 * var('release_days'), 'day') }}
  {%- endset -%}
  {{ return(run_query(kept).columns[0].values()) }}
{% endmacro %}

{% macro seconds_since_release(table, releases) %}
  {%- set named = modules.re.findall('\\b' ~ table.identifier ~ '=([0-9]+)', releases | join(',')) -%}
  {%- if not named -%}{{ return(0) }}{%- endif -%}
  {%- set age -%}
    select date_diff('second', min(committed_at), now()) + 3600
    from {{ metadata_table(table, 'snapshots') }}
    where snapshot_id in ({{ named | unique | join(', ') }})
  {%- endset -%}
  {{ return(run_query(age).rows[0][0] | int) }}
{% endmacro %}

{% macro table_size(table) %}
  {%- set size -%}
    select count(*), coalesce(sum(file_size_in_bytes), 0), (select count(*) from {{ metadata_table(table, 'snapshots') }})
    from {{ metadata_table(table, 'files') }}
  {%- endset -%}
  {{ return(run_query(size).rows[0]) }}
{% endmacro %}

{% macro metadata_table(table, name) -%}
"{{ table.schema }}"."{{ table.identifier }}${{ name }}"
{%- endmacro %}

{#- Run-operation, after publishing: pack the files of every model with meta.maintenance and remove its old versions, except
    those that kept releases show. Prints files, bytes and versions of each, before and after. On one machine the catalogue
    does this for all tables at once: see pipeline/maintain.py.

    meta.maintenance     {target_mb: size of a packed file, keep_days: age at which a replaced version may go}
    var('release_days')  how long a release can be gone back to; the newest is kept whatever its age

    VACUUM goes by age alone, so that its age is that of the oldest snapshot which a kept release names, where that is more
    than keep_days. The packed files are a new snapshot, which the next release shows. -#}
{% macro maintain() %}{{ return(adapter.dispatch('maintain')()) }}{% endmacro %}

{% macro default__maintain() %}{{ unsupported_engine('maintain') }}{% endmacro %}

{% macro duckdb__maintain() %}{% endmacro %}

{% macro athena__maintain() %}
  {%- do acquire_lease() -%}
  {%- set releases = kept_releases() -%}
  {%- for node in graph.nodes.values() | sort(attribute='name') if node.resource_type == 'model' and node.config.meta.maintenance -%}
    {%- set table = load_relation(node_relation(node)) -%}
    {%- if table and node.config.materialized == 'incremental' -%}
      {%- set before, wanted = table_size(table), node.config.meta.maintenance -%}
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
      {{ print(node.name ~ ": files " ~ before[0] ~ " -> " ~ after[0] ~ ", bytes " ~ before[1] ~ " -> " ~ after[1]
        ~ ", versions " ~ before[2] ~ " -> " ~ after[2]) }}
    {%- endif -%}
  {%- endfor -%}
  {%- do release_lease() -%}
{% endmacro %}

{#- The releases that can be gone back to: the text of their versions, as publish wrote it. -#}
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

{#- Seconds since the oldest snapshot of a table that one of the releases names was made, and an hour; 0 when none does. -#}
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

{#- Files and bytes of a table's current version, and how many versions it has. -#}
{% macro table_size(table) %}
  {%- set size -%}
    select count(*), coalesce(sum(file_size_in_bytes), 0), (select count(*) from {{ metadata_table(table, 'snapshots') }})
    from {{ metadata_table(table, 'files') }}
  {%- endset -%}
  {{ return(run_query(size).rows[0]) }}
{% endmacro %}

{#- A metadata table of an Iceberg table: 'snapshots' or 'files'. -#}
{% macro metadata_table(table, name) -%}
"{{ table.schema }}"."{{ table.identifier }}${{ name }}"
{%- endmacro %}

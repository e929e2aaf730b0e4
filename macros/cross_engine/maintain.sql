{#- Run-operation, after publishing: pack the files of every model with meta.maintenance and forget its old versions, save
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
      {%- do run_query("alter table `" ~ table.schema ~ "`.`" ~ table.identifier ~ "` set tblproperties ('write_target_data_file_size_bytes' = '"
        ~ wanted.target_mb * 1000000 ~ "', 'vacuum_max_snapshot_age_seconds' = '" ~ keep ~ "')") -%}
      {%- do adapter.run_operation_with_potential_multiple_runs("optimize " ~ table.schema ~ "." ~ table.identifier ~ " rewrite data using bin_pack", "optimize") -%}
      {%- do adapter.run_operation_with_potential_multiple_runs("vacuum " ~ table.schema ~ "." ~ table.identifier, "vacuum") -%}
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
  {{ return(run_query(
    "select versions from " ~ release ~ " where release_id = (select max(release_id) from " ~ release ~ ") or released_at >= "
    ~ add_units(current_utc(), '-' ~ var('release_days'), 'day')).columns[0].values()) }}
{% endmacro %}

{#- Seconds since the oldest snapshot of a table that one of the releases names was made, and an hour; 0 when none does. -#}
{% macro seconds_since_release(table, releases) %}
  {%- set named = modules.re.findall('\\b' ~ table.identifier ~ '=([0-9]+)', releases | join(',')) -%}
  {%- if not named -%}{{ return(0) }}{%- endif -%}
  {{ return(run_query(
    "select date_diff('second', min(committed_at), now()) + 3600 from " ~ snapshots_of(table) ~ " where snapshot_id in ("
    ~ named | unique | join(', ') ~ ")").rows[0][0] | int) }}
{% endmacro %}

{#- Files and bytes of a table's current version, and how many versions it has. -#}
{% macro table_size(table) %}
  {{ return(run_query(
    "select count(*), coalesce(sum(file_size_in_bytes), 0), (select count(*) from " ~ snapshots_of(table) ~ ") from "
    ~ snapshots_of(table) | replace('$snapshots', '$files')).rows[0]) }}
{% endmacro %}

{% macro snapshots_of(table) %}{{ return('"' ~ table.schema ~ '"."' ~ table.identifier ~ '$snapshots"') }}{% endmacro %}

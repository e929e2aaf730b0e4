{% macro list_raw_objects(batch) %}{{ return(adapter.dispatch('list_raw_objects')(batch)) }}{% endmacro %}

{% macro default__list_raw_objects(batch) %}{{ unsupported_engine('list_raw_objects') }}{% endmacro %}

{% macro duckdb__list_raw_objects(batch) %}
  {%- set known = audit_relation('raw_object') -%}
  {%- set columns = {
    'source_object': 'text', 'dataset': 'text', 'dt': 'text', 'hr': 'text', 'size_bytes': 'bigint', 'modified_ns': 'bigint',
    'lines': 'bigint', 'crc': 'bigint', 'is_plain': 'boolean', 'problem': 'text', 'replaces': 'boolean', 'batch_id': 'bigint'} -%}
  {%- set functions -%}
    select count(*) from duckdb_functions() where function_name = 'raw_zone_objects'
  {%- endset -%}
  {%- if not run_query(functions).rows[0][0] -%}
    {{ exceptions.raise_compiler_error(
      "profiles.yml does not load the plugin pipeline.duckdb_plugin: copy module_paths and plugins from profiles.yml.example") }}
  {%- endif -%}
  {%- do run_query(create_audit_table(known, columns)) -%}
  {%- set listing -%}
    create or replace temp table raw_listing as
    select entry.* from (select unnest(raw_zone_objects({{ quote_text(raw_folder()) }})) as entry) as listed
  {%- endset -%}
  {%- do run_query(listing) -%}
  {%- set changed -%}
    create or replace temp table raw_change as
    with checked as (
      select
        listed.*,
        known.batch_id as known_batch,
        known.crc as known_crc,
        known.problem as known_problem,
        case when listed.problem = '' then raw_object_content({{ quote_text(raw_folder()) }} || listed.path) end as content
      from raw_listing as listed
      left join {{ known }} as known on known.source_object = listed.path
      where known.source_object is null
        or (known.size_bytes, known.modified_ns) <> (listed.size_bytes, listed.modified_ns)
        or (known.dt <> '' and listed.problem <> '')
    )
    select
      path as source_object, dataset, dt, hr, size_bytes, modified_ns, coalesce(content.lines, 0) as lines,
      coalesce(content.crc, 0) as crc, coalesce(content.is_plain, false) as is_plain,
      coalesce(content.problem, problem) as problem,
      not is_copied_again and known_batch is not null as replaces,
      case when is_copied_again then known_batch else {{ batch }} end as batch_id
    from (
      select *, coalesce(known_problem = '' and content.problem = '' and content.crc = known_crc, false) as is_copied_again
      from checked
    ) as compared
  {%- endset -%}
  {%- do run_query(changed) -%}
  {%- set outdated -%}
    from {{ known }}
    where source_object in (select source_object from raw_change)
      or source_object not in (select path from raw_listing)
  {%- endset -%}
  {%- if run_query('select count(*) ' ~ outdated).rows[0][0] -%}{%- do run_query('delete ' ~ outdated) -%}{%- endif -%}
  {%- if run_query('select count(*) from raw_change').rows[0][0] -%}
    {%- do run_query('insert into ' ~ known ~ ' select ' ~ columns | join(', ') ~ ' from raw_change') -%}
  {%- endif -%}
{% endmacro %}

{% macro athena__list_raw_objects(batch) %}{% endmacro %}

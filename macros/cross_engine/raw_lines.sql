{% macro raw_lines(dataset) %}{% do source('raw', dataset) %}{{ return(adapter.dispatch('raw_lines')(dataset)) }}{% endmacro %}

{% macro default__raw_lines(dataset) %}{{ unsupported_engine('raw_lines') }}{% endmacro %}

{% macro duckdb__raw_lines(dataset) -%}
{%- set first_object -%}
select file from glob({{ lake_objects(dataset) }}) limit 1
{%- endset -%}
{%- if execute and not run_query(first_object).rows -%}
(
  select cast(null as varchar) as line, cast(null as varchar) as source_object, cast(null as varchar) as dt, cast(null as varchar) as hr
  where false
)
{%- else -%}
(
  select line, regexp_extract(filename, '(?:[^/]+/){3}[^/]+$') as source_object, dt, hr
  from read_csv(
    {{ lake_objects(dataset) }}, compression = 'gzip',
    columns = {'line': 'VARCHAR'}, auto_detect = false, header = false, delim = '{{ "\x01" }}', quote = '', escape = '',
    nullstr = '{{ "\x02" }}', encoding = 'latin-1', strict_mode = false, max_line_size = 16000000,
    filename = true, hive_partitioning = true, hive_types_autocast = false
  )
  where starts_with(line, '{') or trim(line) <> ''  -- a trim of every line would cost as much as its parsing
)
{%- endif -%}
{%- endmacro %}

{% macro athena__raw_lines(dataset) -%}
(
  select line, regexp_extract("$path", '{{ dataset }}/dt=.*$') as source_object, dt, regexp_extract("$path", '/hr=([0-9]{2})/', 1) as hr
  from {{ source('raw', dataset) }}
  where starts_with(line, '{') or trim(line) <> ''  -- a trim of every line would cost as much as its parsing
)
{%- endmacro %}

{% macro raw_lines(dataset) %}{% do source('raw', dataset) %}{{ return(adapter.dispatch('raw_lines')(dataset)) }}{% endmacro %}

{% macro default__raw_lines(dataset) %}{{ unsupported_engine('raw_lines') }}{% endmacro %}

{% macro duckdb__raw_lines(dataset) -%}
{%- set objects = {'plain': [], 'decoded': []} -%}
{%- if execute -%}
  {%- set readable -%}
    {%- if run_plan() %}
    select source_object, is_plain from {{ audit_relation('raw_object') }}
    where dataset = '{{ dataset }}' and problem = '' and {{ new_arrivals() }}
    {%- else %}
    select source_object, true from ({{ listed_objects(dataset) }}) as listed
    {%- endif %}
  {%- endset -%}
  {%- for name, is_plain in run_query(readable).rows -%}
    {%- set path = name if not is_plain else name | replace('[', '[[]') | replace('*', '[*]') | replace('?', '[?]') -%}
    {%- do objects['plain' if is_plain else 'decoded'].append(quote_text(raw_folder(is_pattern=is_plain) ~ path)) -%}
  {%- endfor -%}
{%- endif -%}
{%- set source_object = "regexp_extract(path, '(?:[^/]+/){3}[^/]+$')" -%}
(
  select
    line,
    {{ source_object }} as source_object,
    {{ arrival_part(source_object, 'dt') }} as dt,
    {{ arrival_part(source_object, 'hr') }} as hr
  from (
    {%- if objects.plain %}
    select line, filename as path
    from read_csv(
      [{{ objects.plain | join(', ') }}], compression = 'gzip',
      columns = {'line': 'VARCHAR'}, auto_detect = false, header = false, delim = '{{ "\x01" }}', quote = '', escape = '',
      nullstr = '{{ "\x02" }}', encoding = 'latin-1', strict_mode = false, max_line_size = 16000000,
      filename = true, hive_partitioning = false
    )
    {%- endif %}
    {{- ' union all ' if objects.plain and objects.decoded }}
    {%- if objects.decoded %}
    select unnest(raw_object_lines(path)) as line, path
    from (select unnest([{{ objects.decoded | join(', ') }}]) as path) as paths
    {%- endif %}
    {%- if not objects.plain and not objects.decoded %}
    select cast(null as varchar) as line, cast(null as varchar) as path
    where false
    {%- endif %}
  ) as texts
  where starts_with(line, '{') or trim(line, ' ') <> ''  -- a trim of every line would cost as much as its parsing
)
{%- endmacro %}

{% macro athena__raw_lines(dataset) -%}
(
  select line, source_object, dt, hr
  from (
    select
      line,
      regexp_extract("$path", '{{ dataset }}/dt=.*$') as source_object,
      dt,
      regexp_extract("$path", '/hr=([01][0-9]|2[0-3])/[^/]+$', 1) as hr
    from {{ source('raw', dataset) }}
    where starts_with(line, '{') or trim(line) <> ''  -- a trim of every line would cost as much as its parsing
  ) as texts
  where hr is not null
)
{%- endmacro %}

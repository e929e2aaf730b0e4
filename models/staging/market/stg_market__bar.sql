{%- set fields = [
  'schema_version', 'source', 'symbol', 'bar_interval', 'bar_start', 'open', 'high', 'low', 'close', 'volume',
  'price_basis', 'currency', 'is_final', 'received_at', 'run_id', 'line_number'
] -%}

with source as (

  select
    line,
    source_object,
    dt,
    hr
  from {{ raw_lines('bars') }} as raw
  where {{ new_arrivals() }}

),

parsed as (

  select
    line,
    source_object,
    dt,
    hr,
    {{ json_fields('line', fields) }} as record
  from source

),

texts as (

  select
    {%- for field in fields %}
    {{ json_text('record.' ~ field) }} as {{ field }}_text,
    {%- endfor %}
    record is null as is_not_json,
    line,
    source_object,
    dt,
    hr
  from parsed

)

select
  -- ids
  schema_version_text as schema_version,
  source_text as source,
  symbol_text as vendor_symbol,
  bar_interval_text as bar_interval,
  -- prices and volume
  {{ parse_decimal('open_text', 18, 8) }} as open,
  {{ parse_decimal('high_text', 18, 8) }} as high,
  {{ parse_decimal('low_text', 18, 8) }} as low,
  {{ parse_decimal('close_text', 18, 8) }} as close,
  {{ parse_decimal('volume_text', 18, 4) }} as volume,
  volume_text,
  price_basis_text as price_basis,
  currency_text as currency,
  -- booleans
  case is_final_text when 'true' then true when 'false' then false end as is_final,
  is_not_json,
  -- times
  {{ parse_utc('bar_start_text') }} as bar_start_at,
  {{ parse_utc('received_at_text') }} as received_at,
  -- lineage
  run_id_text as run_id,
  case when {{ matches('line_number_text', '^[0-9]{1,18}$') }} then try_cast(line_number_text as bigint) end as line_number,
  line,
  source_object,
  dt,
  hr
from texts
{%- if var('as_of') %}
-- a line without a time of receipt is judged by its hour of arrival
where coalesce({{ parse_utc('received_at_text') }}, cast(dt || ' ' || hr || ':00:00' as {{ type_timestamp() }})) <= timestamp '{{ var("as_of") }}'
{%- endif %}

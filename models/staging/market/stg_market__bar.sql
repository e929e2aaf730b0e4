with lines as (

  {{ parsed_lines('bars', [
    'schema_version', 'source', 'symbol', 'bar_interval', 'bar_start', 'open', 'high', 'low', 'close', 'volume',
    'price_basis', 'currency', 'is_final', 'received_at', 'run_id', 'line_number'
  ]) }}

)

select
  -- ids
  schema_version_text as schema_version,
  source_text as source,
  symbol_text as vendor_symbol,
  bar_interval_text as bar_interval,
  {{ parse_utc('bar_start_text') }} as bar_start_at,
  -- prices and volume
  {{ parse_decimal('open_text', 18, 8) }} as open,
  {{ parse_decimal('high_text', 18, 8) }} as high,
  {{ parse_decimal('low_text', 18, 8) }} as low,
  {{ parse_decimal('close_text', 18, 8) }} as close,
  {{ parse_decimal('volume_text', 18, 4) }} as volume,
  volume_text,
  price_basis_text as price_basis,
  currency_text as currency,
  -- lineage
  case is_final_text when 'true' then true when 'false' then false end as is_final,
  {{ line_lineage() }}
from lines

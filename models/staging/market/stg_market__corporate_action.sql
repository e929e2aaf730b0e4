with lines as (

  {{ parsed_lines('corporate_actions', [
    'schema_version', 'source', 'symbol', 'kind', 'effective_date', 'ratio', 'amount', 'currency', 'received_at', 'run_id',
    'line_number'
  ]) }}

)

select
  -- ids
  schema_version_text as schema_version,
  source_text as source,
  symbol_text as vendor_symbol,
  kind_text as kind,
  {{ parse_date('effective_date_text') }} as effective_date,
  -- numbers
  {{ parse_decimal('ratio_text', 18, 10) }} as ratio,
  {{ parse_decimal('amount_text', 18, 8) }} as amount,
  currency_text as currency,
  -- lineage
  {{ line_lineage() }}
from lines

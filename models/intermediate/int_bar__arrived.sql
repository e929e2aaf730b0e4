{{ config(
  materialized='table',
  meta={
    'consumes': [],
    'seeds': ['symbol', 'symbol_alias', 'symbol_change', 'source', 'exchange', 'exchange_exception', 'exchange_calendar'],
    'vars': ['default_calendar', 'calendar_until'],
  }
) }}

select
  dataset,
  symbol,
  bar_interval,
  source,
  bar_start_at,
  bar_date,
  session,
  open,
  high,
  low,
  close,
  adjusted_close,
  volume,
  ratio,
  amount,
  price_basis,
  currency,
  is_final,
  received_at,
  run_id,
  line_number,
  source_object,
  dt,
  hr,
  -- the text is kept of refused lines only: an accepted one is in raw
  case when reasons <> '' then line end as line,
  reasons
from {{ ref('int_bar__validated') }}

{{ config(
  materialized='table',
  meta={
    'consumes': [],
    'seeds': ['symbol', 'symbol_alias', 'symbol_change', 'source', 'exchange', 'exchange_exception', 'exchange_calendar'],
    'vars': ['default_calendar', 'calendar_until'],
  }
) }}

with lines as (

  select *
  from {{ ref('int_line__unioned') }}

),

-- a vendor's spelling, then the symbol of that time, in today's symbol
resolved as (

  select
    lines.*,
    coalesce(changed.symbol, alias.symbol, lines.vendor_symbol) as symbol
  from lines
  left join {{ ref('symbol_alias') }} as alias on alias.vendor_symbol = lines.vendor_symbol
  left join {{ ref('symbol_change') }} as changed
    on changed.former_symbol = coalesce(alias.symbol, lines.vendor_symbol)
    and cast(lines.event_at as date) >= changed.traded_from
    and cast(lines.event_at as date) < changed.traded_until

),

listed as (

  select
    resolved.*,
    feed.source as known_source,
    coalesce(instrument.asset_class, 'stock') in ('stock', 'etf', 'crypto') as has_volume,
    exchange.mic,
    exchange.timezone,
    exchange.is_continuous,
    exchange.day_shift_hours
  from resolved
  left join {{ ref('source') }} as feed on feed.source = resolved.source
  left join {{ ref('symbol') }} as instrument on instrument.symbol = resolved.symbol
  left join {{ ref('exchange') }} as exchange on exchange.mic = {{ calendar_of('instrument') }}

),

localised as (

  select
    listed.*,
    {{ add_units(
      'listed.event_at',
      'case when listed.event_at >= zone.changes_at then zone.offset_minutes_after else zone.offset_minutes end',
      'minute'
    ) }} as event_local_at
  from listed
  left join {{ ref('int_timezone__offset_by_month') }} as zone
    on zone.timezone = listed.timezone
    and zone.month_starts_at = date_trunc('month', listed.event_at)

),

with_date as (

  select
    localised.*,
    case
      when localised.dataset = 'bars'
        then cast({{ add_units('localised.event_local_at', 'localised.day_shift_hours', 'hour') }} as date)
      else cast(localised.event_at as date)
    end as event_date
  from localised

),

with_session as (

  select
    with_date.*,
    case
      when with_date.is_continuous then 'continuous'
      when with_date.event_at >= session.opens_at and with_date.event_at < session.closes_at then 'regular'
      when with_date.event_at >= session.pre_opens_at and with_date.event_at < session.opens_at then 'pre'
      when with_date.event_at >= session.closes_at and with_date.event_at < session.post_closes_at then 'post'
      else 'closed'
    end as session,
    {{ bar_reasons() }} as reasons
  from with_date
  left join {{ ref('dim_session') }} as session
    on session.mic = with_date.mic
    and session.session_date = with_date.event_date

)

select
  -- ids
  dataset,
  symbol,
  period,
  source,
  -- times
  event_at,
  event_date,
  session,
  -- prices and volume
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
  -- lineage
  is_final,
  {{ received_by_arrival('received_at') }} as received_at,
  run_id,
  line_number,
  source_object,
  dt,
  hr,
  -- the text is kept of refused lines only: an accepted one is in raw
  case when reasons <> '' then line end as line,
  reasons
from with_session

{{ config(materialized='ephemeral') }}

with lines as (

  select *
  from {{ ref('int_line__gathered') }}

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
    and cast(lines.bar_start_at as date) >= changed.traded_from
    and cast(lines.bar_start_at as date) < changed.traded_until

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
  left join {{ ref('exchange') }} as exchange
    on exchange.mic = {{ calendar_of('instrument') }}

),

localised as (

  select
    listed.*,
    {{ add_units(
      'listed.bar_start_at',
      'case when listed.bar_start_at >= zone.changes_at then zone.offset_minutes_after else zone.offset_minutes end',
      'minute'
    ) }} as bar_start_local
  from listed
  left join {{ ref('int_timezone__offset_by_month') }} as zone
    on zone.timezone = listed.timezone
    and zone.month_starts_at = date_trunc('month', listed.bar_start_at)

),

dated as (

  select
    localised.*,
    case
      when localised.dataset = 'bars'
        then cast({{ add_units('localised.bar_start_local', 'localised.day_shift_hours', 'hour') }} as date)
      else cast(localised.bar_start_at as date)
    end as bar_date
  from localised

)

select
  -- ids
  dated.dataset,
  dated.symbol,
  dated.bar_interval,
  dated.source,
  -- times
  dated.bar_start_at,
  dated.bar_date,
  case
    when dated.is_continuous then 'continuous'
    when dated.bar_start_at >= session.opens_at and dated.bar_start_at < session.closes_at then 'regular'
    when dated.bar_start_at >= session.pre_opens_at and dated.bar_start_at < session.opens_at then 'pre'
    when dated.bar_start_at >= session.closes_at and dated.bar_start_at < session.post_closes_at then 'post'
    else 'closed'
  end as session,
  -- prices and volume
  dated.open,
  dated.high,
  dated.low,
  dated.close,
  dated.adjusted_close,
  dated.volume,
  dated.ratio,
  dated.amount,
  dated.price_basis,
  dated.currency,
  -- lineage
  dated.is_final,
  dated.received_at,
  dated.run_id,
  dated.line_number,
  dated.line,
  dated.source_object,
  dated.dt,
  dated.hr,
  {{ bar_reasons() }} as reasons
from dated
left join {{ ref('dim_session') }} as session
  on session.mic = dated.mic
  and session.session_date = dated.bar_date

with days as (

  select
    *,
    cast(close as double) as price,
    cast(lag(close) over series as double) * cast(lag(split_factor) over series as double)
    / cast(split_factor as double) as price_before,
    case
      when lag(split_factor) over series = split_factor then lag(close) over series
      else {{ rescaled('lag(close) over series', 'lag(split_factor) over series', 'split_factor') }}
    end as previous_close
  from {{ ref('fct_daily_bar') }}
  window series as (partition by symbol, source order by session_date)

),

changes as (

  select
    *,
    -- from exact decimals, as for bars: exactly the threshold is no anomaly
    100e0 * cast(close - previous_close as double) / cast(nullif(previous_close, 0) as double) as price_change_pct
  from days

),

-- before the open and after the close, from the feed's own minutes
extended_hours as (

  select
    symbol,
    source,
    session_date,
    cast(pre_market_close as double) * cast(split_factor as double)
    / (cast(lag(close) over series as double) * cast(lag(split_factor) over series as double)) - 1 as pre_market_gap,
    cast(post_market_close as double) / cast(close as double) - 1 as post_market_change
  from {{ ref('fct_daily_bar') }}
  where source like '%:resampled'
  window series as (partition by symbol, source order by session_date)

)

select
  changes.symbol,
  changes.source,
  changes.session_date,
  -- calendar
  cast(extract(year from changes.session_date) as integer) as year,
  cast(extract(quarter from changes.session_date) as integer) as quarter,
  cast(extract(month from changes.session_date) as integer) as month,
  cast(extract(day from changes.session_date) as integer) as day,
  cast((extract(dow from changes.session_date) + 6) % 7 + 1 as integer) as weekday,
  -- prices
  changes.close,
  changes.previous_close,
  cast(changes.close - changes.previous_close as decimal(18, 8)) as price_change,
  changes.price_change_pct,
  cast(changes.high - changes.low as decimal(18, 8)) as price_range,
  changes.dividend,
  changes.volume,
  cast(changes.volume as double) / 1e6 as volume_millions,
  -- returns
  changes.price / changes.price_before - 1 as simple_return,
  ln(changes.price / changes.price_before) as log_return,
  -- a dividend no less than the close before it is not counted: see suspect_corporate_action
  case
    when changes.price_before > cast(changes.dividend as double)
      then (changes.price + cast(changes.dividend as double)) / changes.price_before - 1
    else changes.price / changes.price_before - 1
  end as total_return,
  cast(changes.open as double) / changes.price_before - 1 as overnight_return,
  changes.price / cast(changes.open as double) - 1 as intraday_return,
  extended_hours.pre_market_gap,
  extended_hours.post_market_change,
  -- flags
  abs(changes.price_change_pct) > {{ var('anomaly_pct') }} as is_anomaly,
  changes.is_final,
  changes.batch_id
from changes
left join extended_hours
  on extended_hours.symbol = changes.symbol
  and extended_hours.source = case when changes.source like '%:resampled' then changes.source else changes.source || ':resampled' end
  and extended_hours.session_date = changes.session_date

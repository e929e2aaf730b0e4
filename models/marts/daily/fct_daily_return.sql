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

changed as (

  select
    *,
    -- from exact decimals, as that of bars: exactly the threshold is no anomaly
    100e0 * cast(close - previous_close as double) / cast(nullif(previous_close, 0) as double) as price_change_pct
  from days

),

-- what the feed's own minutes say of the hours around the session
around as (

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
  changed.symbol,
  changed.source,
  changed.session_date,
  -- calendar
  cast(extract(year from changed.session_date) as integer) as year,
  cast(extract(quarter from changed.session_date) as integer) as quarter,
  cast(extract(month from changed.session_date) as integer) as month,
  cast(extract(day from changed.session_date) as integer) as day,
  cast((extract(dow from changed.session_date) + 6) % 7 + 1 as integer) as weekday,
  -- prices
  changed.close,
  changed.previous_close,
  cast(changed.close - changed.previous_close as decimal(18, 8)) as price_change,
  changed.price_change_pct,
  cast(changed.high - changed.low as decimal(18, 8)) as price_range,
  changed.dividend,
  changed.volume,
  cast(changed.volume as double) / 1e6 as volume_millions,
  -- returns
  changed.price / changed.price_before - 1 as simple_return,
  ln(changed.price / changed.price_before) as log_return,
  case
    when changed.price_before > cast(changed.dividend as double)
      then changed.price / (changed.price_before - cast(changed.dividend as double)) - 1
  end as total_return,
  cast(changed.open as double) / changed.price_before - 1 as overnight_return,
  changed.price / cast(changed.open as double) - 1 as intraday_return,
  around.pre_market_gap,
  around.post_market_change,
  -- flags
  abs(changed.price_change_pct) > {{ var('anomaly_pct') }} as is_anomaly,
  changed.is_final,
  changed.batch_id
from changed
left join around
  on around.symbol = changed.symbol
  and around.source = case when changed.source like '%:resampled' then changed.source else changed.source || ':resampled' end
  and around.session_date = changed.session_date

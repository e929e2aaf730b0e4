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
  days.symbol,
  days.source,
  days.session_date,
  -- calendar
  cast(extract(year from days.session_date) as integer) as year,
  cast(extract(quarter from days.session_date) as integer) as quarter,
  cast(extract(month from days.session_date) as integer) as month,
  cast(extract(day from days.session_date) as integer) as day,
  cast((extract(dow from days.session_date) + 6) % 7 + 1 as integer) as weekday,
  -- prices
  days.close,
  days.previous_close,
  cast(days.close - days.previous_close as decimal(18, 8)) as price_change,
  100 * (days.price / days.price_before - 1) as price_change_pct,
  cast(days.high - days.low as decimal(18, 8)) as price_range,
  days.dividend,
  days.volume,
  cast(days.volume as double) / 1e6 as volume_millions,
  -- returns
  days.price / days.price_before - 1 as simple_return,
  ln(days.price / days.price_before) as log_return,
  case
    when days.price_before > cast(days.dividend as double)
      then days.price / (days.price_before - cast(days.dividend as double)) - 1
  end as total_return,
  cast(days.open as double) / days.price_before - 1 as overnight_return,
  days.price / cast(days.open as double) - 1 as intraday_return,
  around.pre_market_gap,
  around.post_market_change,
  -- flags
  abs(100 * (days.price / days.price_before - 1)) > {{ var('anomaly_pct') }} as is_anomaly,
  days.is_final,
  days.batch_id
from days
left join around
  on around.symbol = days.symbol
  and around.source = case when days.source like '%:resampled' then days.source else days.source || ':resampled' end
  and around.session_date = days.session_date

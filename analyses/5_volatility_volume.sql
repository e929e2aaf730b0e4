-- TSLA and MSFT: does their volatility go with their volume, over the last 100 days?
-- Picture: points, size of the day's move (percent) over shares traded (millions)
-- "volatility" is that of 20 sessions, annualised. A correlation near 1 says that busy days were rough days; it says
-- nothing of what causes which.
with days as (
  select
    volatility.symbol,
    volatility.session_date,
    volatility.volatility_20,
    volatility.volatility_volume_correlation_100,
    volatility.return_size_volume_correlation_100,
    adjusted.volume,
    abs(day.simple_return) as move,
    row_number() over (partition by volatility.symbol order by volatility.session_date desc) as days_ago
  from {{ ref('fct_volatility') }} as volatility
  inner join {{ ref('v_daily_bar_adjusted') }} as adjusted
    on adjusted.symbol = volatility.symbol
    and adjusted.session_date = volatility.session_date
  inner join {{ ref('fct_daily_return') }} as day
    on day.symbol = volatility.symbol
    and day.session_date = volatility.session_date
  where volatility.symbol in ('TSLA', 'MSFT')
)

select
  symbol,
  min(session_date) as since,
  count(*) as days,
  100 * max(case when days_ago = 1 then volatility_20 end) as volatility_now_pct,
  100 * avg(volatility_20) as volatility_mean_pct,
  avg(volume) / 1e6 as average_volume_millions,
  100 * avg(move) as average_move_pct,
  max(case when days_ago = 1 then volatility_volume_correlation_100 end) as volatility_and_volume,
  max(case when days_ago = 1 then return_size_volume_correlation_100 end) as move_and_volume
from days
where days_ago <= 100
group by symbol
order by symbol desc;

with days as (
  select
    adjusted.symbol,
    adjusted.volume,
    abs(day.simple_return) as move,
    row_number() over (partition by adjusted.symbol order by adjusted.session_date desc) as days_ago
  from {{ ref('v_daily_bar_adjusted') }} as adjusted
  inner join {{ ref('fct_daily_return') }} as day
    on day.symbol = adjusted.symbol
    and day.session_date = adjusted.session_date
  where adjusted.symbol in ('TSLA', 'MSFT')
)

select
  volume / 1e6 as x,
  symbol as series,
  100 * move as y
from days
where days_ago <= 100
order by x, series

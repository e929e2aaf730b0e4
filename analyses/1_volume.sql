-- How much was traded over the last one and two weeks?
-- Picture: bars, shares traded a day (millions)
-- Sums of the last 5 and 10 sessions with a bar, in today's shares. "change_pct" compares the last week with the one before.
with days as (
  select
    symbol,
    session_date,
    volume,
    row_number() over (partition by symbol order by session_date desc) as days_ago
  from {{ ref('v_daily_bar_adjusted') }}
)

select
  symbol,
  max(session_date) as last_session,
  max(case when days_ago = 1 then volume end) / 1e6 as last_session_millions,
  sum(case when days_ago <= 5 then volume end) / 1e6 as one_week_millions,
  sum(volume) / 1e6 as two_weeks_millions,
  avg(case when days_ago <= 5 then volume end) / 1e6 as daily_average_millions,
  100 * (sum(case when days_ago <= 5 then volume end) / sum(case when days_ago > 5 then volume end) - 1) as change_pct
from days
where days_ago <= 10
group by symbol
order by two_weeks_millions desc, symbol asc;

with days as (
  select
    symbol,
    session_date,
    volume,
    row_number() over (partition by symbol order by session_date desc) as days_ago
  from {{ ref('v_daily_bar_adjusted') }}
)

select
  session_date as x,
  symbol as series,
  volume / 1e6 as y
from days
where days_ago <= 10
order by x, series

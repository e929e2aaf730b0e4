-- NVDA against AMZN over the last three months: which did better, and how rough was the way?
-- Picture: lines, what 1 dollar became, dividends reinvested
-- Returns are ratios of levels since the last close three months ago; a split is no return.
with levels as (
  select
    level.symbol,
    level.session_date,
    level.price_level,
    level.total_level,
    day.simple_return,
    max(level.session_date) over () as last_session
  from {{ ref('fct_return_index') }} as level
  inner join {{ ref('fct_daily_return') }} as day
    on day.symbol = level.symbol
    and day.session_date = level.session_date
  where level.symbol in ('NVDA', 'AMZN')
),

levels_since as (
  select
    levels.*,
    max(case when session_date <= last_session - interval '3' month then session_date end) over (partition by symbol) as start_date
  from levels
)

select
  symbol,
  max(start_date) as since,
  count(*) - 1 as sessions,
  100 * (max_by(price_level, session_date) / min_by(price_level, session_date) - 1) as return_pct,
  100 * (max_by(total_level, session_date) / min_by(total_level, session_date) - 1) as total_return_pct,
  100 * avg(case when session_date > start_date then simple_return end) as average_daily_pct,
  100 * stddev_samp(case when session_date > start_date then simple_return end) * sqrt(252) as volatility_pct,
  100 * min(case when session_date > start_date then simple_return end) as worst_day_pct
from levels_since
where session_date >= start_date
group by symbol
order by return_pct desc;

with levels as (
  select
    symbol,
    session_date,
    total_level,
    max(session_date) over () as last_session
  from {{ ref('fct_return_index') }}
  where symbol in ('NVDA', 'AMZN')
),

levels_since as (
  select
    levels.*,
    max(case when session_date <= last_session - interval '3' month then session_date end) over (partition by symbol) as start_date
  from levels
)

select
  session_date as x,
  symbol as series,
  total_level / first_value(total_level) over (partition by symbol order by session_date) as y
from levels_since
where session_date >= start_date
order by x, series

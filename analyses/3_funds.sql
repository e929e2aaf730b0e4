-- QQQ and SCHG against VOO over the last six months: average daily and cumulative return
-- Picture: lines, cumulative return (percent)
-- "over_voo_pct" is the difference of the cumulative returns. Dividends are reinvested where the feed delivers them.
with levels as (
  select
    level.symbol,
    level.session_date,
    level.total_level,
    day.total_return,
    max(level.session_date) over () as last_session
  from {{ ref('fct_return_index') }} as level
  inner join {{ ref('fct_daily_return') }} as day
    on day.symbol = level.symbol
    and day.session_date = level.session_date
  where level.symbol in ('QQQ', 'SCHG', 'VOO')
),

levels_since as (
  select
    levels.*,
    max(case when session_date <= last_session - interval '6' month then session_date end) over (partition by symbol) as start_date
  from levels
),

compared as (
  select
    symbol,
    max(start_date) as since,
    count(*) - 1 as returns,
    100 * avg(case when session_date > start_date then total_return end) as average_daily_pct,
    100 * (max_by(total_level, session_date) / min_by(total_level, session_date) - 1) as cumulative_pct
  from levels_since
  where session_date >= start_date
  group by symbol
),

voo as (
  select cumulative_pct
  from compared
  where symbol = 'VOO'
)

select
  compared.symbol,
  compared.since,
  compared.returns,
  compared.average_daily_pct,
  compared.cumulative_pct,
  compared.cumulative_pct - voo.cumulative_pct as over_voo_pct
from compared
cross join voo
order by compared.cumulative_pct desc;

with levels as (
  select
    symbol,
    session_date,
    total_level,
    max(session_date) over () as last_session
  from {{ ref('fct_return_index') }}
  where symbol in ('QQQ', 'SCHG', 'VOO')
),

levels_since as (
  select
    levels.*,
    max(case when session_date <= last_session - interval '6' month then session_date end) over (partition by symbol) as start_date
  from levels
)

select
  session_date as x,
  symbol as series,
  100 * (total_level / first_value(total_level) over (partition by symbol order by session_date) - 1) as y
from levels_since
where session_date >= start_date
order by x, series

-- META and GOOGL against VOO and SCHG: how did the two baskets do, and what would a repetition mean?
-- Picture: lines, what 1 dollar became, dividends reinvested
-- Each basket holds both symbols in equal parts, bought at the first close of the last 252 sessions and left alone.
-- The scenario is no forecast. It assumes that the next 63 sessions have the mean and the deviation of these, that days
-- do not depend on each other, and that nothing is paid for trading: "scenario_low/mid/high" are what 1 dollar becomes at
-- one deviation below the mean, at the mean, and one above. None of this has to happen. News and sentiment have no source here.
with members as (
  select
    symbol,
    case when symbol in ('META', 'GOOGL') then 'META+GOOGL' else 'VOO+SCHG' end as basket,
    session_date,
    total_level,
    count(*) over (partition by session_date) as members_with_bar
  from {{ ref('fct_return_index') }}
  where symbol in ('META', 'GOOGL', 'VOO', 'SCHG')
),

numbered as (
  select
    members.*,
    row_number() over (partition by symbol order by session_date desc) as days_ago
  from members
  where members_with_bar = 4
),

member_levels as (
  select
    basket,
    session_date,
    total_level / first_value(total_level) over (partition by symbol order by session_date) as level
  from numbered
  where days_ago <= 253
),

baskets as (
  select
    basket,
    session_date,
    avg(level) as level
  from member_levels
  group by basket, session_date
),

returns_by_basket as (
  select
    basket,
    session_date,
    level,
    level / lag(level) over (partition by basket order by session_date) - 1 as daily_return,
    level / max(level) over (partition by basket order by session_date) - 1 as drawdown
  from baskets
)

select
  basket,
  min(session_date) as since,
  count(daily_return) as returns,
  100 * (max_by(level, session_date) - 1) as cumulative_pct,
  100 * avg(daily_return) as average_daily_pct,
  100 * stddev_samp(daily_return) * sqrt(252) as volatility_pct,
  100 * min(drawdown) as deepest_drawdown_pct,
  exp(63 * avg(ln(1 + daily_return)) - sqrt(63) * stddev_samp(ln(1 + daily_return))) as scenario_low,
  exp(63 * avg(ln(1 + daily_return))) as scenario_mid,
  exp(63 * avg(ln(1 + daily_return)) + sqrt(63) * stddev_samp(ln(1 + daily_return))) as scenario_high
from returns_by_basket
group by basket
order by cumulative_pct desc;

with members as (
  select
    symbol,
    case when symbol in ('META', 'GOOGL') then 'META+GOOGL' else 'VOO+SCHG' end as basket,
    session_date,
    total_level,
    count(*) over (partition by session_date) as members_with_bar
  from {{ ref('fct_return_index') }}
  where symbol in ('META', 'GOOGL', 'VOO', 'SCHG')
),

numbered as (
  select
    members.*,
    row_number() over (partition by symbol order by session_date desc) as days_ago
  from members
  where members_with_bar = 4
),

member_levels as (
  select
    basket,
    session_date,
    total_level / first_value(total_level) over (partition by symbol order by session_date) as level
  from numbered
  where days_ago <= 253
)

select
  session_date as x,
  basket as series,
  avg(level) as y
from member_levels
group by basket, session_date
order by x, series

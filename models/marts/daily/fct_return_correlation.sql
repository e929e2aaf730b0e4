{%- set pair = 'partition by symbol, other_symbol, lag_sessions order by session_date' %}

-- the listed symbols' primary series: every pair of every symbol ever fetched would be too many
with returns as (

  select
    day.symbol,
    day.session_date,
    day.simple_return
  from {{ ref('fct_daily_return') }} as day
  inner join {{ ref('symbol') }} as listed on listed.symbol = day.symbol
  inner join {{ ref('dim_series') }} as series
    on series.symbol = day.symbol
    and series.source = day.source
    and series.bar_interval = '1day'
    and series.is_primary
  where day.simple_return is not null

),

paired as (

  select
    one.symbol,
    other.symbol as other_symbol,
    one.session_date,
    one.simple_return,
    other.simple_return as other_return,
    lag(one.simple_return) over (partition by one.symbol, other.symbol order by one.session_date) as return_before,
    lag(other.simple_return) over (partition by one.symbol, other.symbol order by one.session_date) as other_before
  from returns as one
  inner join returns as other
    on other.session_date = one.session_date
    and other.symbol > one.symbol

),

-- lag -1: the symbol leads; 1: the other one does. Both look back only
lagged as (

  select
    paired.symbol,
    paired.other_symbol,
    lags.lag_sessions,
    paired.session_date,
    case when lags.lag_sessions = -1 then paired.return_before else paired.simple_return end as left_return,
    case when lags.lag_sessions = 1 then paired.other_before else paired.other_return end as right_return
  from paired
  cross join (values (-1), (0), (1)) as lags (lag_sessions)

)

select
  symbol,
  other_symbol,
  session_date,
  lag_sessions,
  {{ correlation('left_return', 'right_return', 20, pair) }} as correlation_20,
  {{ correlation('left_return', 'right_return', 60, pair) }} as correlation_60
from lagged

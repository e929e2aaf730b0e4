{%- set pair = 'partition by symbol, other_symbol, lag_sessions order by session_date' %}

-- the listed symbols' primary series: every pair of every symbol ever fetched would be too many
with returns as (

  select
    day.symbol,
    day.session_date,
    day.simple_return
  from {{ ref('fct_daily_return') }} as day
  inner join {{ ref('symbol') }} as listed on listed.symbol = day.symbol
  {{ join_primary_series('day') }}
  where day.simple_return is not null

),

pairs as (

  select
    own.symbol,
    other.symbol as other_symbol,
    own.session_date,
    own.simple_return,
    other.simple_return as other_return,
    lag(own.simple_return) over (partition by own.symbol, other.symbol order by own.session_date) as return_before,
    lag(other.simple_return) over (partition by own.symbol, other.symbol order by own.session_date) as other_before
  from returns as own
  inner join returns as other
    on other.session_date = own.session_date
    and other.symbol > own.symbol

),

-- lag -1: the symbol leads; 1: the other one does. No return after the row's session enters
lagged_pairs as (

  select
    pairs.symbol,
    pairs.other_symbol,
    lags.lag_sessions,
    pairs.session_date,
    case when lags.lag_sessions = -1 then pairs.return_before else pairs.simple_return end as left_return,
    case when lags.lag_sessions = 1 then pairs.other_before else pairs.other_return end as right_return
  from pairs
  cross join (values (-1), (0), (1)) as lags (lag_sessions)

)

select
  symbol,
  other_symbol,
  session_date,
  lag_sessions,
  {{ correlation('left_return', 'right_return', 20, pair) }} as correlation_20,
  {{ correlation('left_return', 'right_return', 60, pair) }} as correlation_60
from lagged_pairs

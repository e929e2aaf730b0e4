with levels as (

  select
    symbol,
    source,
    session_date,
    close,
    count(*) over series as sessions,
    exp(sum(coalesce(log_return, 0)) over series) as price_level,
    exp(sum(coalesce(ln(1 + total_return), 0)) over series) as total_level
  from {{ ref('fct_daily_return') }}
  window series as (partition by symbol, source order by session_date rows between unbounded preceding and current row)

)

select
  symbol,
  source,
  session_date,
  close,
  sessions,
  price_level,
  total_level,
  price_level - 1 as cumulative_return,
  total_level - 1 as cumulative_total_return,
  price_level / max(price_level) over (
    partition by symbol, source order by session_date rows between unbounded preceding and current row
  ) - 1 as drawdown
from levels

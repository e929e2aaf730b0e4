select
  session_date,
  symbol,
  100 * (price_level / first_value(price_level) over (partition by symbol order by session_date) - 1) as price_return_pct,
  100 * (total_level / first_value(total_level) over (partition by symbol order by session_date) - 1) as total_return_pct
from fct_return_index
where $dates(session_date)
  and $symbols(symbol)
order by session_date, symbol

select
  session_date,
  symbol,
  cast(close as double) as close,
  price_change_pct
from fct_daily_return
where $dates(session_date)
  and $symbols(symbol)
  and price_change_pct is not null
order by session_date, symbol

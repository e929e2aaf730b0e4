select
  symbol,
  bar_interval,
  source,
  first_date,
  last_date,
  bars
from dim_series
where is_primary
  and $symbols(symbol)
order by last_date, symbol, bar_interval

select
  bar_start_at,
  symbol,
  cast(close as double) as close,
  sma_5,
  sma_20
from fct_moving_average
where $partition(bar_date)
  and $times(bar_start_at)
  and $interval(bar_interval)
  and $symbols(symbol)
order by bar_start_at, symbol

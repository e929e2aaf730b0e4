select
  bar_start_at,
  symbol,
  rsi_14,
  macd_histogram
from fct_technical_indicator
where $partition(bar_date)
  and $times(bar_start_at)
  and $interval(bar_interval)
  and $symbols(symbol)
  and rsi_14 is not null
order by bar_start_at, symbol

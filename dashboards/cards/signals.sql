select
  bar_start_at,
  symbol,
  signal_type,
  direction,
  value,
  threshold
from fct_signal
where $partition(bar_date)
  and $times(bar_start_at)
  and $interval(bar_interval)
  and $symbols(symbol)
order by bar_start_at desc, symbol, signal_type

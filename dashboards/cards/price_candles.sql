select
  bar_start_at,
  symbol,
  open,
  high,
  low,
  close,
  volume
from v_bar_adjusted
where $partition(bar_date)
  and $times(bar_start_at)
  and $interval(bar_interval)
  and $symbols(symbol)
order by bar_start_at, symbol

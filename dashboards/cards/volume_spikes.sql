select
  bar_start_at,
  symbol,
  cast(volume as double) as volume,
  avg_volume_baseline,
  case when volume_spike = 'SPIKE' then cast(volume as double) end as spike_volume
from fct_volume_spike
where $partition(bar_date)
  and $times(bar_start_at)
  and $interval(bar_interval)
  and $symbols(symbol)
order by bar_start_at, symbol

select
  period_start,
  symbol,
  100 * period_return as period_return_pct
from fct_period_summary
where period = 'month'
  and $dates(period_start)
  and $symbols(symbol)
  and period_return is not null
order by period_start, symbol

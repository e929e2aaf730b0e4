select
  volatility.session_date,
  volatility.symbol,
  day.volume_millions,
  100 * volatility.volatility_20 as volatility_20_pct
from fct_volatility as volatility
inner join fct_daily_return as day
  on day.symbol = volatility.symbol
  and day.session_date = volatility.session_date
where $dates(volatility.session_date)
  and $dates(day.session_date)
  and $symbols(volatility.symbol)
  and volatility.volatility_20 is not null
order by volatility.session_date, volatility.symbol

select
  symbol,
  session_date,
  cast(close as double) as close,
  price_change_pct,
  relative_volume,
  rsi_14,
  drawdown_52w,
  volatility_20
from screen_latest
where $symbols(symbol)
order by symbol

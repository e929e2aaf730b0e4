select
  direction,
  mover_rank,
  symbol,
  session_date,
  cast(close as double) as close,
  price_change_pct
from screen_top_movers
order by direction desc, mover_rank

select
  session_date,
  reason,
  cast(sum(missing_minutes) as bigint) as missing_minutes
from fct_gap
where $dates(session_date)
  and $symbols(symbol)
group by session_date, reason
order by session_date, reason

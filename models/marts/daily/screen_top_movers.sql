with latest as (

  select
    day.symbol,
    day.session_date,
    day.close,
    day.price_change,
    day.price_change_pct,
    day.volume,
    max(day.session_date) over () as latest_session
  from {{ ref('fct_daily_return') }} as day
  {{ join_primary_series('day') }}

),

ranked as (

  select
    *,
    case when price_change_pct > 0 then 'UP' else 'DOWN' end as direction,
    row_number() over (
      partition by case when price_change_pct > 0 then 'UP' else 'DOWN' end
      order by abs(price_change_pct) desc, symbol
    ) as mover_rank
  from latest
  where session_date = latest_session and price_change_pct <> 0

)

select
  direction,
  mover_rank,
  symbol,
  session_date,
  close,
  price_change,
  price_change_pct,
  volume
from ranked
where mover_rank <= 5

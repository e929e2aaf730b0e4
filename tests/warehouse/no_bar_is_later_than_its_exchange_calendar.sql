with bars as (

  select
    symbol,
    source,
    max(bar_date) as last_date
  from {{ ref('int_bar__count_by_date') }}
  group by symbol, source
  union all
  select
    symbol,
    source,
    max(session_date) as last_date
  from {{ ref('fct_daily_bar') }}
  group by symbol, source

),

calendars as (

  select
    mic,
    max(session_date) as last_session
  from {{ ref('dim_session') }}
  group by mic

)

select
  bars.symbol,
  bars.source,
  bars.last_date,
  exchange.mic,
  calendars.last_session
from bars
inner join {{ ref('dim_symbol') }} as instrument on instrument.symbol = bars.symbol
inner join {{ ref('exchange') }} as exchange on exchange.mic = instrument.mic
left join calendars on calendars.mic = exchange.mic
where not exchange.is_continuous
  and (calendars.last_session is null or bars.last_date > calendars.last_session)

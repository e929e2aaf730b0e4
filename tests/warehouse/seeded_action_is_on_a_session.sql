with seeded as (

  select
    'seeds/split.csv' as file,
    symbol,
    effective_date,
    'split' as kind
  from {{ ref('split') }}
  union all
  select
    'seeds/corporate_action_override.csv' as file,
    symbol,
    effective_date,
    kind
  from {{ ref('corporate_action_override') }}

)

select
  seeded.file,
  seeded.symbol,
  seeded.kind,
  seeded.effective_date,
  exchange.mic
from seeded
left join {{ ref('symbol') }} as instrument on instrument.symbol = seeded.symbol
inner join {{ ref('exchange') }} as exchange on exchange.mic = {{ calendar_of('instrument') }}
inner join {{ ref('exchange_calendar') }} as calendar on calendar.mic = exchange.mic
left join {{ ref('dim_session') }} as session
  on session.mic = exchange.mic
  and session.session_date = seeded.effective_date
where session.session_date is null
  and seeded.effective_date between date '2000-01-01' and calendar.last_date

with days as (

  select
    exchange.mic,
    exchange.timezone,
    series.day as session_date,
    exception.closes_at as early_closes_at,
    exchange.pre_opens_at,
    exchange.opens_at,
    coalesce(exception.closes_at, exchange.closes_at) as closes_at,
    case
      when exception.closes_at is null then exchange.post_closes_at else exchange.early_post_closes_at
    end as post_closes_at
  from {{ ref('exchange') }} as exchange
  inner join {{ ref('exchange_calendar') }} as calendar on calendar.mic = exchange.mic
  cross join {{ date_series('2000-01-01', var('calendar_until'), 'day') }} as series
  left join {{ ref('exchange_exception') }} as exception
    on exception.mic = exchange.mic
    and exception.session_date = series.day
  where series.day <= calendar.last_date
    and extract(dow from series.day) not in (0, 6, 7)
    -- an exception without a close is a day off
    and (exception.mic is null or exception.closes_at is not null)

)

select
  mic,
  session_date,
  {{ session_time('session_date', 'pre_opens_at', 'timezone') }} as pre_opens_at,
  {{ session_time('session_date', 'opens_at', 'timezone') }} as opens_at,
  {{ session_time('session_date', 'closes_at', 'timezone') }} as closes_at,
  {{ session_time('session_date', 'post_closes_at', 'timezone') }} as post_closes_at,
  early_closes_at is not null as is_early_close
from days

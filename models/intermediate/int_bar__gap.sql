{{ config(materialized='ephemeral') }}

with series as (

  select
    series.symbol,
    series.bar_interval,
    series.source,
    series.first_date,
    series.last_date,
    instrument.mic
  from {{ ref('dim_series') }} as series
  inner join {{ ref('dim_symbol') }} as instrument on instrument.symbol = series.symbol
  where series.bar_interval = '1min'

),

expected as (

  select
    series.symbol,
    series.bar_interval,
    series.source,
    session.session_date,
    session.opens_at,
    session.closes_at,
    series.last_date
  from series
  -- assets that trade around the clock have no sessions, so nothing is expected of them
  inner join {{ ref('dim_session') }} as session
    on session.mic = series.mic
    and session.session_date between series.first_date and series.last_date

),

-- stored minutes, between the minute before the open and the close
points as (

  select
    symbol,
    bar_interval,
    source,
    bar_date as session_date,
    bar_start_at as point_at
  from {{ ref('fct_bar') }}
  where session = 'regular' and bar_interval = '1min'
  union all
  select
    symbol,
    bar_interval,
    source,
    session_date,
    {{ add_units('opens_at', -1, 'minute') }} as point_at
  from expected
  union all
  select
    symbol,
    bar_interval,
    source,
    session_date,
    closes_at as point_at
  from expected
  -- the newest session may still be arriving
  where session_date < last_date

),

with_next as (

  select
    *,
    lead(point_at) over (partition by symbol, bar_interval, source, session_date order by point_at) as next_at
  from points

)

select
  symbol,
  bar_interval,
  source,
  session_date,
  {{ add_units('point_at', 1, 'minute') }} as gap_start_at,
  next_at as gap_end_at,
  {{ minutes_between('point_at', 'next_at') }} - 1 as missing_minutes
from with_next
where {{ minutes_between('point_at', 'next_at') }} > 1

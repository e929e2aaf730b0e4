{{ config(materialized='view') }}

with hours as (

  select
    dt,
    hr,
    cast(sum(landed_lines) as bigint) as landed_lines,
    cast(sum(stored_lines) as bigint) as stored_lines,
    cast(sum(duplicate_lines) as bigint) as duplicate_lines,
    cast(sum(quarantined_lines) as bigint) as quarantined_lines
  from {{ ref('int_arrival__reconciled') }}
  group by 1, 2

),

winners as (

  select
    {{ arrival_part('source_object', 'dt') }} as dt,
    {{ arrival_part('source_object', 'hr') }} as hr,
    count(*) as winning_lines
  from (
    select
      source,
      source_object
    from {{ ref('fct_bar') }}
    union all
    select
      source,
      source_object
    from {{ ref('fct_daily_bar') }}
    union all
    select
      source,
      source_object
    from {{ ref('int_action__known') }}
  ) as stored
  -- a resampled bar is no line that landed, nor is a seed's row
  where source not like '%:resampled' and source_object is not null
  group by 1, 2

)

select
  hours.dt,
  hours.hr,
  hours.landed_lines,
  cast(coalesce(winners.winning_lines, 0) as bigint) as winning_lines,
  cast(hours.stored_lines - coalesce(winners.winning_lines, 0) as bigint) as superseded_lines,
  hours.duplicate_lines,
  hours.quarantined_lines,
  hours.landed_lines - hours.stored_lines - hours.duplicate_lines - hours.quarantined_lines as missing_lines
from hours
left join winners
  on winners.dt = hours.dt
  and winners.hr = hours.hr

{{ config(
  materialized='incremental',
  unique_key=['dt', 'hr'],
  meta={'consumes': ['int_bar__arrived', 'fct_bar', 'fct_daily_bar', 'int_action__known', 'quarantined_record']}
) }}
{%- set version = ['is_final', 'received_at', 'run_id', 'line_number', 'source_object'] %}

with landed as (

  select
    dt,
    hr,
    count(*) as landed_lines
  from {{ ref('int_bar__arrived') }}
  group by dt, hr

),

accepted as (

  select
    {{ columns_of('arrived', bar_key() + version) }},
    arrived.dt,
    arrived.hr,
    row_number() over (
      partition by
        arrived.dt, arrived.hr, arrived.symbol, arrived.bar_interval, arrived.source, arrived.bar_start_at,
        arrived.run_id, arrived.line_number
      order by arrived.is_final desc, arrived.received_at desc, arrived.source_object desc
    ) as copy_number
  from {{ ref('int_bar__arrived') }} as arrived
  where arrived.reasons = ''

),

stored as (

  select {{ (bar_key() + version) | join(', ') }}
  from {{ ref('fct_bar') }}
  where {{ on_or_after('bar_date', date_bounds('merge')) }}
  union all
  select
    symbol, '1day' as bar_interval, source, cast(session_date as {{ type_timestamp() }}) as bar_start_at,
    session_date as bar_date, {{ version | join(', ') }}
  from {{ ref('fct_daily_bar') }}
  union all
  select
    symbol, kind as bar_interval, source, cast(effective_date as {{ type_timestamp() }}) as bar_start_at,
    effective_date as bar_date, true as is_final, {{ version[1:] | join(', ') }}
  from {{ ref('int_action__known') }}

),

-- an accepted line is held when its bar is stored in this version or a greater one
judged as (

  select
    accepted.dt,
    accepted.hr,
    sum(case when accepted.copy_number > 1 then 1 else 0 end) as duplicate_lines,
    sum(case
      when accepted.copy_number = 1
        and stored.symbol is not null
        and ({{ columns_of('stored', version) }}) >= ({{ columns_of('accepted', version) }})
        then 1
      else 0
    end) as held_lines
  from accepted
  left join stored
    on {{ is_same_key('stored', 'accepted', bar_key()) }}
  group by accepted.dt, accepted.hr

),

refused as (

  select
    dt,
    hr,
    sum(occurrences) as quarantined_lines
  from {{ ref('quarantined_record') }}
  group by dt, hr

),

reconciled as (

  select
    landed.dt,
    landed.hr,
    cast(landed.landed_lines as bigint) as landed_lines,
    cast(coalesce(judged.held_lines, 0) as bigint) as held_lines,
    cast(coalesce(judged.duplicate_lines, 0) as bigint) as duplicate_lines,
    cast(coalesce(refused.quarantined_lines, 0) as bigint) as quarantined_lines
  from landed
  left join judged
    on judged.dt = landed.dt
    and judged.hr = landed.hr
  left join refused
    on refused.dt = landed.dt
    and refused.hr = landed.hr

)

select
  reconciled.dt,
  reconciled.hr,
  reconciled.landed_lines,
  reconciled.held_lines,
  reconciled.duplicate_lines,
  reconciled.quarantined_lines
from reconciled
{%- if is_incremental() %}
left join {{ this }} as stored
  on stored.dt = reconciled.dt
  and stored.hr = reconciled.hr
where stored.dt is null
  or {{ is_different('stored', 'reconciled', ['landed_lines', 'held_lines', 'duplicate_lines', 'quarantined_lines']) }}
{%- endif %}

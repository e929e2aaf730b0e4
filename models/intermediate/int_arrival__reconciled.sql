{{ versioned_table(
  key=['dt', 'hr', 'source_object'],
  content=['landed_lines', 'stored_lines', 'duplicate_lines', 'quarantined_lines'],
  consumes=['int_line__validated', 'fct_bar', 'fct_daily_bar', 'int_action__known', 'quarantined_record']
) }}
{%- set line = ['symbol', 'period', 'source', 'event_at', 'event_date', 'reported_value'] %}
{%- set order = line_version() | join(', ') %}

with landed as (

  select
    dt,
    hr,
    source_object,
    count(*) as landed_lines
  from {{ ref('int_line__validated') }}
  group by dt, hr, source_object

),

accepted as (

  select
    symbol, period, source, event_at, event_date,
    {{ reported_value('period', 'ratio', 'amount') }} as reported_value,
    {{ order }},
    dt,
    hr,
    row_number() over (
      partition by dt, hr, symbol, period, source, event_at, run_id, line_number
      order by is_final desc, received_at desc, source_object desc
    ) as copy_number
  from {{ ref('int_line__validated') }}
  where reasons = ''

),

stored as (

  select
    symbol, bar_interval as period, source, bar_start_at as event_at, bar_date as event_date,
    0e0 as reported_value, {{ order }}
  from {{ ref('fct_bar') }}
  where {{ on_or_after('bar_date', date_bounds('merge')) }}
  union all
  select
    symbol, '1day' as period, source, cast(session_date as {{ type_timestamp() }}) as event_at, session_date as event_date,
    0e0 as reported_value, {{ order }}
  from {{ ref('fct_daily_bar') }}
  union all
  select
    symbol, kind as period, source, cast(effective_date as {{ type_timestamp() }}) as event_at, effective_date as event_date,
    reported_value, true as is_final, received_at, run_id, line_number, source_object
  from {{ ref('int_action__known') }}

),

-- an accepted line is stored when its bar, day or action is, in this version or a greater one
compared as (

  select
    accepted.source_object,
    sum(case when accepted.copy_number > 1 then 1 else 0 end) as duplicate_lines,
    sum(case
      when accepted.copy_number = 1
        and stored.symbol is not null
        and ({{ columns_of('stored', line_version()) }}) >= ({{ columns_of('accepted', line_version()) }})
        then 1
      else 0
    end) as stored_lines
  from accepted
  left join stored
    on {{ is_same_key('stored', 'accepted', line) }}
  group by accepted.source_object

),

refused as (

  select
    source_object,
    sum(occurrences) as quarantined_lines
  from {{ ref('quarantined_record') }}
  group by source_object

),

reconciled as (

  select
    landed.dt,
    landed.hr,
    landed.source_object,
    cast(landed.landed_lines as bigint) as landed_lines,
    cast(coalesce(compared.stored_lines, 0) as bigint) as stored_lines,
    cast(coalesce(compared.duplicate_lines, 0) as bigint) as duplicate_lines,
    cast(coalesce(refused.quarantined_lines, 0) as bigint) as quarantined_lines
  from landed
  left join compared on compared.source_object = landed.source_object
  left join refused on refused.source_object = landed.source_object

)

{{ write_changes('reconciled') }}

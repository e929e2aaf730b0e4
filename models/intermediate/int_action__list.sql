{{ versioned_table(
  key=['symbol', 'kind', 'source', 'received_at', 'run_id'],
  content=['first_date', 'last_date'],
  consumes=['int_line__validated']
) }}

with dates as (

  select
    symbol,
    period as kind,
    source,
    received_at,
    run_id,
    event_date as first_date,
    event_date as last_date
  from {{ ref('int_line__validated') }}
  where dataset = 'corporate_actions' and reasons = ''
  {%- if is_incremental() %}
  union all
  select
    symbol,
    kind,
    source,
    received_at,
    run_id,
    first_date,
    last_date
  from {{ this }}
  {%- endif %}

),

lists as (

  select
    symbol,
    kind,
    source,
    received_at,
    run_id,
    min(first_date) as first_date,
    max(last_date) as last_date
  from dates
  group by symbol, kind, source, received_at, run_id

)

{{ write_changes('lists') }}

{{ config(
  materialized='incremental',
  unique_key=bar_key(),
  partitioned_by=mart_partitions('bar_date'),
  incremental_predicates=merge_predicates('bar_date'),
  meta={'consumes': ['int_bar__arrived', 'int_split__factor']}
) }}
{%- set content = [
  'session', 'open', 'high', 'low', 'close', 'volume', 'split_factor', 'price_basis', 'currency', 'is_final'
] %}
{%- set bound = date_bounds('merge') %}

with versions as (

  select
    symbol, bar_interval, source, bar_start_at, bar_date, session, open, high, low, close, volume,
    price_basis, currency, is_final, received_at, run_id, line_number, source_object
  from {{ ref('int_bar__arrived') }}
  where reasons = ''
  {%- if is_incremental() %}
  -- stored bars whose split factor may have changed compete as the versions they are
  union all
  select
    stored.symbol, stored.bar_interval, stored.source, stored.bar_start_at, stored.bar_date, stored.session,
    stored.open, stored.high, stored.low, stored.close, stored.volume,
    stored.price_basis, stored.currency, stored.is_final, stored.received_at, stored.run_id, stored.line_number,
    stored.source_object
  from {{ this }} as stored
  inner join (
    select
      symbol,
      min(effective_date) as effective_date
    from {{ ref('int_split__factor') }}
    where batch_id > {{ consumed_batch() }}
    group by symbol
  ) as changed_split
    on changed_split.symbol = stored.symbol
    and changed_split.effective_date <= stored.bar_date
  where {{ on_or_after('stored.bar_date', bound) }}
  {%- endif %}

),

ranked as (

  select
    *,
    row_number() over (
      partition by symbol, bar_interval, source, bar_start_at
      order by is_final desc, received_at desc, run_id desc, line_number desc, source_object desc
    ) as version_rank
  from versions

),

newest as (

  select
    ranked.*,
    case
      when ranked.price_basis = 'raw' then coalesce(split.split_factor, cast(1 as decimal(18, 10)))
      else cast(1 as decimal(18, 10))
    end as split_factor
  from ranked
  left join {{ ref('int_split__factor') }} as split
    on split.symbol = ranked.symbol
    and ranked.bar_date >= split.effective_date
    and ranked.bar_date < split.effective_until
  where ranked.version_rank = 1

)

select
  newest.symbol,
  newest.bar_interval,
  newest.source,
  newest.bar_start_at,
  newest.bar_date,
  newest.session,
  newest.open,
  newest.high,
  newest.low,
  newest.close,
  newest.volume,
  newest.split_factor,
  newest.price_basis,
  newest.currency,
  newest.is_final,
  newest.received_at,
  newest.run_id,
  newest.line_number,
  newest.source_object,
{%- if not is_incremental() %}
  {{ batch_id() }} as batch_id
from newest
{%- else %}
  -- a row keeps its batch when only its lineage changed
  case
    when stored.symbol is null or {{ is_different('newest', 'stored', content) }} then {{ batch_id() }}
    else stored.batch_id
  end as batch_id
from newest
left join {{ this }} as stored
  on {{ is_same_key('stored', 'newest', bar_key()) }}
  and {{ on_or_after('stored.bar_date', bound) }}
where stored.symbol is null
  or (newest.is_final, newest.received_at, newest.run_id, newest.line_number)
    > (stored.is_final, stored.received_at, stored.run_id, stored.line_number)
  or (
    (newest.is_final, newest.received_at, newest.run_id, newest.line_number)
      = (stored.is_final, stored.received_at, stored.run_id, stored.line_number)
    and ({{ is_different('newest', 'stored', content) }})
  )
{%- endif %}

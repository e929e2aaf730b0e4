{{ config(
  materialized='incremental',
  unique_key=bar_key(),
  partitioned_by=mart_partitions('bar_date'),
  incremental_predicates=merge_predicates('bar_date'),
  post_hook="{{ resample_bars() }}",
  meta={'consumes': ['int_bar__arrived', 'int_action__known'], 'vars': ['resample_minutes']}
) }}
-- depends_on: {{ ref('dim_session') }}, {{ ref('symbol') }}
{%- set received = ['session', 'open', 'high', 'low', 'close', 'volume', 'price_basis', 'currency', 'is_final'] %}
{%- set version = ['is_final', 'received_at', 'run_id', 'line_number', 'source_object'] %}
{%- set bound = date_bounds('merge') %}

with versions as (

  select {{ columns_of('arrived', bar_key() + received + version[1:]) }}
  from {{ ref('int_bar__arrived') }} as arrived
  where arrived.reasons = '' and arrived.dataset = 'bars'
  {%- if is_incremental() %}
    and {{ on_or_after('arrived.bar_date', merge_floor()) }}
  union all
  -- stored bars whose split factor may have changed compete as the versions they are
  select {{ columns_of('stored', bar_key() + received + version[1:]) }}
  from {{ this }} as stored
  inner join ({{ changed_splits(consumed_batch()) }}) as changed_split
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
  left join {{ ref('int_action__known') }} as split
    on {{ is_in_force('split', 'ranked.symbol', 'ranked.bar_date') }}
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
  {% if is_incremental() -%}
  -- a row keeps its batch when only its lineage changed
  case
    when stored.symbol is null or {{ is_different('newest', 'stored', received + ['split_factor']) }} then {{ batch_id() }}
    else stored.batch_id
  end
  {%- else -%}
  {{ batch_id() }}
  {%- endif %} as batch_id
from newest
{%- if is_incremental() %}
left join {{ this }} as stored
  on {{ is_same_key('stored', 'newest', bar_key()) }}
  and {{ on_or_after('stored.bar_date', bound) }}
where case
  -- an or would not do: Athena may compare versions before it looks whether one is stored, and fails on their NULLs
  when stored.symbol is null then true
  when ({{ columns_of('newest', version) }}) > ({{ columns_of('stored', version) }}) then true
  -- an equal version says something else when reference data or a definition changed
  else
    ({{ columns_of('newest', version) }}) = ({{ columns_of('stored', version) }})
    and ({{ is_different('newest', 'stored', received + ['split_factor']) }})
end
{%- endif %}

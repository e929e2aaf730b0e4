{{ versioned_table(
  key=bar_key(),
  content=['session', 'open', 'high', 'low', 'close', 'volume', 'split_factor', 'price_basis', 'currency', 'is_final'],
  version=line_version(),
  consumes=['int_line__validated', 'int_action__known'],
  vars=['resample_minutes']
) }}
{{ config(
  partitioned_by=mart_partitions('bar_date'),
  incremental_predicates=merge_predicates('bar_date'),
  post_hook="{{ resample_bars() }}"
) }}
-- depends_on: {{ ref('dim_session') }}, {{ ref('symbol') }}

with versions as (

  select
    symbol, period as bar_interval, source, event_at as bar_start_at, event_date as bar_date,
    session, open, high, low, close, volume, price_basis, currency, {{ line_version() | join(', ') }}
  from {{ ref('int_line__validated') }}
  where dataset = 'bars' and reasons = ''
  {%- if is_incremental() %}
    and {{ on_or_after('event_date', merge_floor()) }}
  union all
  -- stored bars whose split factor may have changed compete as the versions they are
  select
    symbol, bar_interval, source, bar_start_at, bar_date,
    session, open, high, low, close, volume, price_basis, currency, {{ line_version() | join(', ') }}
  from {{ this }}
  inner join ({{ changed_splits(consumed_batch()) }}) as split on split.split_symbol = symbol and split.split_date <= bar_date
  where {{ on_or_after('bar_date', date_bounds('merge')) }}
  {%- endif %}

),

ranked as (

  select
    *,
    row_number() over (partition by symbol, bar_interval, source, bar_start_at order by {{ newest_first() }}) as version_rank
  from versions

),

newest as (

  select
    ranked.*,
    cast(case when ranked.price_basis = 'raw' then coalesce(split.split_factor, 1) else 1 end as decimal(18, 10)) as split_factor
  from ranked
  left join {{ ref('int_action__known') }} as split
    on {{ is_in_force('split', 'ranked.symbol', 'ranked.bar_date') }}
  where ranked.version_rank = 1

)

{{ write_changes('newest', stored_rows=on_or_after('stored.bar_date', date_bounds('merge'))) }}

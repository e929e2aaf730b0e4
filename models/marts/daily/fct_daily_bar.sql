{{ versioned_table(
  key=['symbol', 'source', 'session_date'],
  content=[
    'open', 'high', 'low', 'close', 'adjusted_close', 'volume', 'minutes', 'pre_market_close', 'post_market_close', 'price_basis',
    'currency', 'split_factor', 'dividend', 'is_final'
  ],
  version=line_version(),
  consumes=['int_line__validated', 'fct_bar', 'int_action__known'],
  seeds=['symbol'],
  vars=['default_calendar']
) }}

with versions as (

  select
    symbol, source, event_date as session_date, false as is_resampled,
    open, high, low, close, adjusted_close, volume,
    cast(null as bigint) as minutes,
    cast(null as decimal(18, 8)) as pre_market_close,
    cast(null as decimal(18, 8)) as post_market_close,
    price_basis, currency, {{ line_version() | join(', ') }}
  from {{ ref('int_line__validated') }}
  where dataset = 'daily_bars' and reasons = ''
  union all
  select
    symbol, source, session_date, true as is_resampled,
    open, high, low, close, adjusted_close, volume, minutes, pre_market_close, post_market_close,
    price_basis, currency, {{ line_version() | join(', ') }}
  from ({{ aggregate_sessions() }}) as sessions
  {%- if is_incremental() %}
  union all
  -- stored days whose split factor or dividend may have changed compete as the versions they are
  select
    symbol, source, session_date, false as is_resampled,
    open, high, low, close, adjusted_close, volume, minutes, pre_market_close, post_market_close,
    price_basis, currency, {{ line_version() | join(', ') }}
  from {{ this }}
  where symbol in (select symbol from {{ ref('int_action__known') }} where batch_id > {{ consumed_batch() }})
  {%- endif %}

),

ranked as (

  select
    *,
    row_number() over (
      partition by symbol, source, session_date order by is_resampled desc, {{ newest_first() }}
    ) as version_rank
  from versions

),

newest as (

  select
    ranked.*,
    cast(case when ranked.price_basis = 'raw' then coalesce(split.split_factor, 1) else 1 end as decimal(18, 10)) as split_factor,
    cast(case ranked.price_basis
      when 'raw' then coalesce(dividend.amount, 0)
      -- in the shares of the day on which the feed gave the price
      when 'split_adjusted'
        then {{ rescaled('coalesce(dividend.amount, 0)', 'coalesce(split.split_factor, 1)', 'coalesce(at_receipt.split_factor, 1)') }}
      else 0
    end as decimal(18, 8)) as dividend
  from ranked
  left join {{ ref('int_action__known') }} as split
    on {{ is_in_force('split', 'ranked.symbol', 'ranked.session_date') }}
  left join {{ ref('int_action__known') }} as at_receipt
    on {{ is_in_force('at_receipt', 'ranked.symbol', 'cast(ranked.received_at as date)') }}
  left join {{ ref('int_action__known') }} as dividend
    on dividend.symbol = ranked.symbol
    and dividend.kind = 'dividend'
    and dividend.is_chosen
    and dividend.effective_date = ranked.session_date
  where ranked.version_rank = 1

)

{{ write_changes('newest', replaces='newest.is_resampled') }}

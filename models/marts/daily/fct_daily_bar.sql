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

-- what a share was paid on a day, by currency
dividends as (

  select
    symbol,
    effective_date,
    currency,
    sum(amount) as amount,
    bool_or(source = 'override') as is_override
  from {{ ref('int_action__known') }}
  where kind = 'dividend'
    and is_chosen
  group by symbol, effective_date, currency

),

paid as (

  select
    ranked.*,
    cast(case when ranked.price_basis = 'raw' then coalesce(split.split_factor, 1) else 1 end as decimal(18, 10)) as split_factor,
    case ranked.price_basis
      when 'raw' then dividend.amount
      -- in the shares of the day on which the feed gave the price
      when 'split_adjusted'
        then {{ rescaled('dividend.amount', 'coalesce(split.split_factor, 1)', 'coalesce(at_receipt.split_factor, 1)') }}
    end as amount,
    -- the worth of the shares that a split on this day gave for each old one
    case
      when split.effective_date = ranked.session_date and not dividend.is_override
        then cast(ranked.close as double) * (split.ratio - 1)
    end as split_worth
  from ranked
  left join {{ ref('int_action__known') }} as split
    on {{ is_in_force('split', 'ranked.symbol', 'ranked.session_date') }}
  left join {{ ref('int_action__known') }} as at_receipt
    on {{ is_in_force('at_receipt', 'ranked.symbol', 'cast(ranked.received_at as date)') }}
  -- in another currency than the price's it does not count
  left join dividends as dividend
    on dividend.symbol = ranked.symbol
    and dividend.effective_date = ranked.session_date
    and dividend.currency = ranked.currency
  where ranked.version_rank = 1

),

newest as (

  select
    *,
    cast(case
      -- one event reported as two kinds: the split counts
      when abs(cast(amount as double) - split_worth) <= 0.1e0 * split_worth then 0
      else coalesce(amount, 0)
    end as decimal(18, 8)) as dividend
  from paid

)

{{ write_changes('newest', replaces='newest.is_resampled') }}

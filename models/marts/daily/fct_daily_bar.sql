{{ config(
  materialized='incremental',
  unique_key=['symbol', 'source', 'session_date'],
  meta={
    'consumes': ['int_bar__arrived', 'fct_bar', 'int_action__known'],
    'seeds': ['symbol'],
    'vars': ['default_calendar'],
  }
) }}
{%- set key = ['symbol', 'source', 'session_date'] %}
{%- set received = ['open', 'high', 'low', 'close', 'adjusted_close', 'volume', 'minutes', 'pre_market_close',
  'post_market_close', 'price_basis', 'currency', 'is_final'] %}
{%- set version = ['is_final', 'received_at', 'run_id', 'line_number', 'source_object'] %}
{%- set content = received + ['split_factor', 'dividend'] %}

with versions as (

  select
    symbol,
    source,
    bar_date as session_date,
    open,
    high,
    low,
    close,
    adjusted_close,
    volume,
    cast(null as bigint) as minutes,
    cast(null as decimal(18, 8)) as pre_market_close,
    cast(null as decimal(18, 8)) as post_market_close,
    price_basis,
    currency,
    {{ version | join(', ') }},
    false as is_rolled
  from {{ ref('int_bar__arrived') }}
  where reasons = '' and dataset = 'daily_bars'
  union all
  select
    {{ columns_of('rolled', key + received + version[1:]) }},
    true as is_rolled
  from ({{ rolled_sessions() }}) as rolled
  {%- if is_incremental() %}
  union all
  -- stored days whose split factor or dividend may have changed compete as the versions they are
  select
    {{ columns_of('stored', key + received + version[1:]) }},
    false as is_rolled
  from {{ this }} as stored
  inner join (
    select symbol
    from {{ ref('int_action__known') }}
    where batch_id > {{ consumed_batch() }}
    group by symbol
  ) as changed_action
    on changed_action.symbol = stored.symbol
  {%- endif %}

),

ranked as (

  select
    *,
    row_number() over (
      partition by symbol, source, session_date
      order by is_rolled desc, is_final desc, received_at desc, run_id desc, line_number desc, source_object desc
    ) as version_rank
  from versions

),

newest as (

  select
    ranked.*,
    case when ranked.price_basis = 'raw' then coalesce(split.split_factor, 1) else 1 end as split_factor,
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

select
  {{ columns_of('newest', key + received[:-1]) }},
  cast(newest.split_factor as decimal(18, 10)) as split_factor,
  newest.dividend,
  {{ columns_of('newest', version) }},
  {% if is_incremental() -%}
  case
    when stored.symbol is null or {{ is_different('newest', 'stored', content) }} then {{ batch_id() }}
    else stored.batch_id
  end
  {%- else -%}
  {{ batch_id() }}
  {%- endif %} as batch_id
from newest
{%- if is_incremental() %}
left join {{ this }} as stored
  on {{ is_same_key('stored', 'newest', key) }}
where case
  when stored.symbol is null then true
  when newest.is_rolled then {{ is_different('newest', 'stored', content + version) }}
  when ({{ columns_of('newest', version) }}) > ({{ columns_of('stored', version) }}) then true
  else
    ({{ columns_of('newest', version) }}) = ({{ columns_of('stored', version) }})
    and ({{ is_different('newest', 'stored', content) }})
end
{%- endif %}

with traded as (

  select symbol
  from {{ ref('int_bar__count_by_date') }}
  union
  select symbol
  from {{ ref('fct_daily_bar') }}

),

former as (

  select
    symbol,
    max_by(former_symbol, traded_until) as former_symbol,
    max(traded_until) as traded_since
  from {{ ref('symbol_change') }}
  group by symbol

)

select
  coalesce(listed.symbol, traded.symbol) as symbol,
  listed.name,
  coalesce(listed.asset_class, 'stock') as asset_class,
  {{ calendar_of('listed') }} as mic,
  coalesce(listed.currency, 'USD') as currency,
  former.former_symbol,
  former.traded_since,
  listed.symbol is not null as is_curated,
  traded.symbol is not null as has_bars
from {{ ref('symbol') }} as listed
full outer join traded on traded.symbol = listed.symbol
left join former on former.symbol = coalesce(listed.symbol, traded.symbol)

with traded as (

  select symbol
  from {{ ref('int_bar__count_by_date') }}
  group by symbol

)

select
  coalesce(listed.symbol, traded.symbol) as symbol,
  listed.name,
  coalesce(listed.asset_class, 'stock') as asset_class,
  coalesce(listed.mic, '{{ var("default_calendar") }}') as mic,
  coalesce(listed.currency, 'USD') as currency,
  listed.symbol is not null as is_curated,
  traded.symbol is not null as has_bars
from {{ ref('symbol') }} as listed
full outer join traded on traded.symbol = listed.symbol

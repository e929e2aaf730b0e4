with latest as (

  select
    symbol,
    bar_interval,
    source,
    cast(max_by(split_factor, bar_start_at) as double) as split_factor
  from {{ ref('fct_bar') }}
  group by symbol, bar_interval, source

)

select
  bar.symbol,
  bar.bar_interval,
  bar.source,
  bar.bar_start_at,
  bar.bar_date,
  bar.session,
  cast(bar.open as double) * cast(bar.split_factor as double) / latest.split_factor as open,
  cast(bar.high as double) * cast(bar.split_factor as double) / latest.split_factor as high,
  cast(bar.low as double) * cast(bar.split_factor as double) / latest.split_factor as low,
  cast(bar.close as double) * cast(bar.split_factor as double) / latest.split_factor as close,
  cast(bar.volume as double) * latest.split_factor / cast(bar.split_factor as double) as volume,
  bar.price_basis
from {{ ref('fct_bar') }} as bar
inner join latest
  on {{ is_same_key('latest', 'bar', ['symbol', 'bar_interval', 'source']) }}

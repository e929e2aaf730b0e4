{%- set series = 'partition by symbol, source order by session_date' %}

with returns as (

  select
    day.symbol,
    day.source,
    day.session_date,
    day.simple_return,
    abs(day.simple_return) as return_size,
    cast(bar.volume as double) / cast(bar.split_factor as double) as adjusted_volume
  from {{ ref('fct_daily_return') }} as day
  inner join {{ ref('fct_daily_bar') }} as bar
    on {{ is_same_key('bar', 'day', ['symbol', 'source', 'session_date']) }}

),

volatilities as (

  select
    *,
    {{ stddev('simple_return', 20, series) }} as daily_volatility_20,
    {{ stddev('simple_return', 60, series) }} as daily_volatility_60,
    count(simple_return) over ({{ series }}) as return_count
  from returns

)

select
  symbol,
  source,
  session_date,
  return_count,
  daily_volatility_20,
  daily_volatility_60,
  daily_volatility_20 * sqrt({{ var('sessions_per_year') }}) as volatility_20,
  daily_volatility_60 * sqrt({{ var('sessions_per_year') }}) as volatility_60,
  {{ correlation('daily_volatility_20', 'adjusted_volume', 100, series) }} as volatility_volume_correlation_100,
  {{ correlation('return_size', 'adjusted_volume', 100, series) }} as return_size_volume_correlation_100
from volatilities

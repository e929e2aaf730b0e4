with latest as (

  select
    symbol,
    source,
    cast(max_by(split_factor, session_date) as double) as split_factor,
    cast(max_by(close, session_date) as double) as close
  from {{ ref('fct_daily_bar') }}
  group by symbol, source

),

levels as (

  select
    symbol,
    source,
    session_date,
    total_level,
    last_value(total_level) over (
      partition by symbol, source order by session_date rows between unbounded preceding and unbounded following
    ) as latest_level
  from {{ ref('fct_return_index') }}

)

select
  bar.symbol,
  bar.source,
  bar.session_date,
  cast(bar.open as double) * cast(bar.split_factor as double) / latest.split_factor as open,
  cast(bar.high as double) * cast(bar.split_factor as double) / latest.split_factor as high,
  cast(bar.low as double) * cast(bar.split_factor as double) / latest.split_factor as low,
  cast(bar.close as double) * cast(bar.split_factor as double) / latest.split_factor as close,
  cast(bar.volume as double) * latest.split_factor / cast(bar.split_factor as double) as volume,
  latest.close * levels.total_level / levels.latest_level as total_return_close,
  bar.price_basis
from {{ ref('fct_daily_bar') }} as bar
inner join latest
  on {{ is_same_key('latest', 'bar', ['symbol', 'source']) }}
inner join levels
  on {{ is_same_key('levels', 'bar', ['symbol', 'source', 'session_date']) }}

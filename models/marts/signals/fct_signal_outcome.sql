with bars as (

  select
    *,
    close * split_factor as price
  from {{ ref('fct_bar') }}

),

-- what the signal's row does not see: the closes after it
followed as (

  select
    symbol,
    bar_interval,
    source,
    bar_start_at,
    close,
    cast(price as double) as price,
    cast(lead(price, 1) over ({{ series_window() }}) as double) as price_1,
    cast(lead(price, 5) over ({{ series_window() }}) as double) as price_5,
    cast(lead(price, 20) over ({{ series_window() }}) as double) as price_20
  from bars

)

select
  signal.symbol,
  signal.bar_interval,
  signal.source,
  followed.bar_start_at,
  signal.bar_date,
  signal.signal_id,
  signal.signal_type,
  signal.direction,
  followed.close,
  followed.price_1 / followed.price - 1 as return_1,
  followed.price_5 / followed.price - 1 as return_5,
  followed.price_20 / followed.price - 1 as return_20
from {{ ref('fct_signal') }} as signal
inner join followed
  on {{ is_same_key('followed', 'signal', ['symbol', 'bar_interval', 'source', 'bar_start_at']) }}

with bars as (

  select
    *,
    close * split_factor as price
  from {{ ref('fct_bar') }}

),

-- the closes 1, 5 and 20 bars later
priced as (

  select
    symbol,
    bar_interval,
    source,
    bar_start_at,
    close,
    cast(price as double) as price,
    cast(lead(price, 1) over ({{ series_window() }}) as double) as price_after_1,
    cast(lead(price, 5) over ({{ series_window() }}) as double) as price_after_5,
    cast(lead(price, 20) over ({{ series_window() }}) as double) as price_after_20
  from bars

)

select
  signal.symbol,
  signal.bar_interval,
  signal.source,
  priced.bar_start_at,
  signal.bar_date,
  signal.signal_id,
  signal.signal_type,
  signal.direction,
  priced.close,
  priced.price_after_1 / priced.price - 1 as return_1,
  priced.price_after_5 / priced.price - 1 as return_5,
  priced.price_after_20 / priced.price - 1 as return_20
from {{ ref('fct_signal') }} as signal
inner join priced
  on {{ is_same_key('priced', 'signal', ['symbol', 'bar_interval', 'source', 'bar_start_at']) }}

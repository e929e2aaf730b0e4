{%- set after = [1, 5, 20] %}

with followed as (

  select
    symbol,
    bar_interval,
    source,
    bar_start_at,
    close,
    cast(close * split_factor as double) as price,
    {%- for bars in after %}
    cast(lead(close * split_factor, {{ bars }}) over ({{ series_window() }}) as double) as price_after_{{ bars }}{{ ',' if not loop.last }}
    {%- endfor %}
  from {{ ref('fct_bar') }}

)

select
  signal.symbol,
  signal.bar_interval,
  signal.source,
  signal.bar_start_at,
  signal.bar_date,
  signal.signal_id,
  signal.signal_type,
  signal.direction,
  followed.close,
  {%- for bars in after %}
  followed.price_after_{{ bars }} / followed.price - 1 as return_{{ bars }}{{ ',' if not loop.last }}
  {%- endfor %}
from {{ ref('fct_signal') }} as signal
inner join followed
  on {{ is_same_key('followed', 'signal', ['symbol', 'bar_interval', 'source', 'bar_start_at']) }}

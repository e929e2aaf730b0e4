{%- set sessions = var('relative_volume_sessions') %}
{{ window_mart(
  lookback=var('indicator_lookback'),
  dates=sessions,
  vars=['indicator_lookback', 'relative_volume_sessions', 'default_calendar'],
  seeds=['symbol', 'exchange']
) }}

with bars as (

  {{ bars_in_lookback() }}

),

-- prices and volumes on one scale over splits, and the exchange's own clock
continuous as (

  select
    bars.*,
    cast(bars.continuous_close as double) as price,
    cast(lag(bars.continuous_close) over ({{ series_window(table='bars') }}) as double) as price_before,
    cast(bars.high * bars.split_factor as double) as price_high,
    cast(bars.low * bars.split_factor as double) as price_low,
    cast(bars.volume as double) / cast(bars.split_factor as double) as adjusted_volume,
    case when bars.session in ('regular', 'continuous') then cast(bars.volume as double) end as session_volume,
    cast(bars.high + bars.low + bars.close as double) / 3 as typical_price,
    {{ minute_of_day('bars.bar_start_at', 'zone') }} as minute_of_day,
    dense_rank() over (partition by bars.symbol, bars.bar_interval, bars.source order by bars.bar_date) as date_number,
    bool_and(bars.is_changed) over (partition by bars.symbol, bars.bar_interval, bars.source, bars.bar_date) as is_new_date
  from bars
  left join {{ ref('symbol') }} as listed on listed.symbol = bars.symbol
  left join {{ ref('exchange') }} as exchange
    on exchange.mic = {{ calendar_of('listed') }}
  left join {{ ref('int_timezone__offset_by_month') }} as zone
    on zone.timezone = exchange.timezone
    and zone.month_starts_at = date_trunc('month', bars.bar_start_at)

),

smoothed as (

  {{ smoothed_prices('continuous') }}

),

measured as (

  select
    *,
    cast(split_factor as double) as factor,
    case when bar_number >= 20 then avg(price) over ({{ series_window(19) }}) end as sma_20,
    case when bar_number >= 20 then stddev_pop(price) over ({{ series_window(19) }}) end as stddev_20,
    sum(typical_price * session_volume) over ({{ date_window() }}) as traded_value,
    sum(session_volume) over ({{ date_window() }}) as traded_volume,
    {{ mean_at_minute('adjusted_volume', sessions, least=5) }} as mean_volume_at_minute,
    {{ has_change_within_lookback() }} as has_recent_change,
    {{ has_change_within_dates() }} as has_change_at_minute
  from smoothed

)

select
  symbol,
  bar_interval,
  source,
  bar_start_at,
  bar_date,
  close,
  ema_12 / factor as ema_12,
  ema_26 / factor as ema_26,
  macd / factor as macd,
  macd_signal / factor as macd_signal,
  (macd - macd_signal) / factor as macd_histogram,
  {{ rsi('average_gain', 'average_loss', 'price') }} as rsi_14,
  (sma_20 + 2 * stddev_20) / factor as bollinger_upper,
  sma_20 / factor as bollinger_middle,
  (sma_20 - 2 * stddev_20) / factor as bollinger_lower,
  atr / factor as atr_14,
  case when session in ('regular', 'continuous') then traded_value / nullif(traded_volume, 0e0) end as vwap,
  adjusted_volume / nullif(mean_volume_at_minute, 0e0) as relative_volume,
  {{ batch_id() }} as batch_id
from measured
where has_recent_change or has_change_at_minute

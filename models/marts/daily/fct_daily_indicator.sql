{%- set beta = var('beta_sessions') %}
{{ daily_mart(
  lookback=[var('indicator_lookback'), beta, 252] | max,
  vars=['indicator_lookback', 'beta_sessions', 'benchmark_symbol', 'spike_bars', 'spike_factor']
) }}
{%- set year = series_window(251) %}

with days as (

  {{ days_in_lookback() }}

),

-- prices and volumes on one scale over splits
continuous as (

  select
    *,
    cast(continuous_close as double) as price,
    cast(lag(continuous_close) over ({{ series_window() }}) as double) as price_before,
    cast(high * split_factor as double) as price_high,
    cast(low * split_factor as double) as price_low,
    cast(volume as double) / cast(split_factor as double) as adjusted_volume,
    cast(benchmark_close as double) / lag(cast(benchmark_close as double)) over ({{ series_window() }}) - 1 as benchmark_return
  from days

),

smoothed as (

  {{ smoothed_prices('continuous') }}

),

measured as (

  select
    *,
    cast(split_factor as double) as factor,
    price / price_before - 1 as price_return,
    case when bar_number >= 5 then sum(continuous_close) over ({{ series_window(4) }}) end as sum_5,
    case when bar_number >= 20 then sum(continuous_close) over ({{ series_window(19) }}) end as sum_20,
    case when bar_number >= 20 then avg(price) over ({{ series_window(19) }}) end as sma_20,
    case when bar_number >= 20 then stddev_pop(price) over ({{ series_window(19) }}) end as stddev_20,
    case when bar_number > 20 then avg(adjusted_volume) over ({{ series_window(20, 1) }}) end as mean_volume_20,
    {{ volume_baseline() }} as avg_volume_baseline,
    case when bar_number >= 252 then max(price_high) over ({{ year }}) end as high_52w,
    case when bar_number >= 252 then min(price_low) over ({{ year }}) end as low_52w,
    max(price) over ({{ year }}) as peak,
    {{ has_change_within_lookback() }} as is_affected
  from smoothed

),

compared as (

  select
    *,
    {{ crossover('sum_5', 'sum_20') }} as crossover,
    case
      when bar_number > {{ beta }} and count(benchmark_return) over ({{ series_window(beta - 1) }}) = {{ beta }}
        then covar_pop(price_return, benchmark_return) over ({{ series_window(beta - 1) }})
          / nullif(var_pop(benchmark_return) over ({{ series_window(beta - 1) }}), 0)
    end as beta
  from measured

)

select
  symbol,
  source,
  session_date,
  close,
  -- trend
  cast(sum_5 as double) / 5 / factor as sma_5,
  cast(sum_20 as double) / 20 / factor as sma_20,
  crossover,
  ema_12 / factor as ema_12,
  ema_26 / factor as ema_26,
  macd / factor as macd,
  macd_signal / factor as macd_signal,
  (macd - macd_signal) / factor as macd_histogram,
  -- momentum and range
  {{ rsi('average_gain', 'average_loss', 'price') }} as rsi_14,
  (sma_20 + 2 * stddev_20) / factor as bollinger_upper,
  sma_20 / factor as bollinger_middle,
  (sma_20 - 2 * stddev_20) / factor as bollinger_lower,
  atr / factor as atr_14,
  -- volume
  adjusted_volume / nullif(mean_volume_20, 0e0) as relative_volume,
  {{ volume_spike('volume', 'avg_volume_baseline') }} as volume_spike,
  -- the year
  high_52w / factor as high_52w,
  low_52w / factor as low_52w,
  price / peak - 1 as drawdown_52w,
  beta,
  {{ batch_id() }} as batch_id
from compared
where is_affected

{%- set beta = var('beta_sessions') %}
{{ daily_mart(lookback=[var('indicator_lookback'), beta, 252] | max, vars=['indicator_lookback', 'beta_sessions', 'benchmark_symbol', 'spike_bars', 'spike_factor']) }}
{%- set year = series_window(251) %}

with days as (

  {{ days_in_lookback() }}

),

-- prices on one scale over splits
continuous as (

  select
    *,
    cast(continuous_close as double) as price,
    cast(lag(continuous_close) over ({{ series_window() }}) as double) as price_before,
    cast(high * split_factor as double) as price_high,
    cast(low * split_factor as double) as price_low,
    cast(volume as double) / cast(split_factor as double) as shares,
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
    case when bar_number >= 20 then avg(price) over ({{ series_window(19) }}) end as middle,
    case when bar_number >= 20 then stddev_pop(price) over ({{ series_window(19) }}) end as deviation,
    case when bar_number > 20 then avg(shares) over ({{ series_window(20, 1) }}) end as usual_shares,
    case when bar_number > {{ var('spike_bars') }} then {{ mean_volume(var('spike_bars'), 1) }} end as spike_base,
    case when bar_number >= 252 then max(price_high) over ({{ year }}) end as high_52w,
    case when bar_number >= 252 then min(price_low) over ({{ year }}) end as low_52w,
    max(price) over ({{ year }}) as peak,
    {{ has_change_within_lookback() }} as is_affected
  from smoothed

),

compared as (

  select
    *,
    sum_5 * 4 > sum_20 as is_above,
    lag(sum_5 * 4 > sum_20) over ({{ series_window() }}) as was_above,
    sum_5 * 4 < sum_20 as is_below,
    lag(sum_5 * 4 < sum_20) over ({{ series_window() }}) as was_below,
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
  case
    when was_above is null then null
    when is_above and not was_above then 'BUY'
    when is_below and not was_below then 'SELL'
    else 'HOLD'
  end as crossover,
  fast / factor as ema_12,
  slow / factor as ema_26,
  divergence / factor as macd,
  signal / factor as macd_signal,
  (divergence - signal) / factor as macd_histogram,
  -- strength and width
  {{ strength('average_gain', 'average_loss', 'price') }} as rsi_14,
  (middle + 2 * deviation) / factor as bollinger_upper,
  middle / factor as bollinger_middle,
  (middle - 2 * deviation) / factor as bollinger_lower,
  average_range / factor as atr_14,
  -- volume
  shares / nullif(usual_shares, 0e0) as relative_volume,
  case
    when spike_base is null or volume is null then null
    when cast(volume as double) > {{ var('spike_factor') }} * spike_base then 'SPIKE'
    else 'normal'
  end as volume_spike,
  -- the year
  high_52w / factor as high_52w,
  low_52w / factor as low_52w,
  price / peak - 1 as drawdown_52w,
  beta,
  {{ batch_id() }} as batch_id
from compared
where is_affected

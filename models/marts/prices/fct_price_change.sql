{{ window_mart(lookback=1, vars=['anomaly_pct']) }}

with bars as (

  {{ bars_in_lookback() }}

),

measured as (

  select
    *,
    lag(close) over ({{ series_window() }}) as close_before,
    lag(split_factor) over ({{ series_window() }}) as split_factor_before,
    {{ has_change_within_lookback() }} as is_affected
  from bars

),

-- the previous close in the units of this bar
compared as (

  select
    *,
    case
      when split_factor_before = split_factor then close_before
      else {{ rescaled('close_before', 'split_factor_before', 'split_factor') }}
    end as previous_close
  from measured

),

changes as (

  select
    *,
    close - previous_close as price_change,
    100e0 * cast(close - previous_close as double) / cast(nullif(previous_close, 0) as double) as price_change_pct
  from compared

)

select
  symbol,
  bar_interval,
  source,
  bar_start_at,
  bar_date,
  close,
  previous_close,
  cast(price_change as decimal(18, 8)) as price_change,
  price_change_pct,
  100e0 * cast(close - open as double) / cast(open as double) as bar_return_pct,
  abs(price_change_pct) > {{ var('anomaly_pct') }} as is_anomaly,
  {{ batch_id() }} as batch_id
from changes
where is_affected

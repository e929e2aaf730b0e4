{{ window_mart(lookback=var('spike_bars'), vars=['spike_bars', 'spike_factor']) }}

with bars as (

  {{ bars_in_lookback() }}

),

measured as (

  select
    *,
    {{ volume_baseline() }} as avg_volume_baseline,
    {{ has_change_within_lookback() }} as is_affected
  from bars

)

select
  symbol,
  bar_interval,
  source,
  bar_start_at,
  bar_date,
  volume,
  avg_volume_baseline,
  cast(volume as double) / nullif(avg_volume_baseline, 0e0) as volume_ratio,
  {{ volume_spike('volume', 'avg_volume_baseline') }} as volume_spike,
  {{ batch_id() }} as batch_id
from measured
where is_affected

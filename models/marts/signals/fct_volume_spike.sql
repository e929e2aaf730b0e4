{%- set bars_before = var('spike_bars') %}
{{ window_mart(lookback=bars_before, vars=['spike_bars', 'spike_factor']) }}

with bars as (

  {{ bars_in_lookback() }}

),

measured as (

  select
    *,
    case when bar_number > {{ bars_before }} then {{ mean_volume(bars_before, 1) }} end as avg_volume_baseline,
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
  case
    when avg_volume_baseline is null or volume is null then null
    when cast(volume as double) > {{ var('spike_factor') }} * avg_volume_baseline then 'SPIKE'
    else 'normal'
  end as volume_spike,
  {{ batch_id() }} as batch_id
from measured
where is_affected

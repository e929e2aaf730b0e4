{{ window_mart(lookback=20) }}

with bars as (

  {{ bars_in_lookback() }}

),

-- exact sums of continuous closes
sums as (

  select
    *,
    case when bar_number >= 5 then sum(continuous_close) over ({{ series_window(4) }}) end as sum_5,
    case when bar_number >= 20 then sum(continuous_close) over ({{ series_window(19) }}) end as sum_20,
    {{ has_change_within_lookback() }} as is_affected
  from bars

),

compared as (

  select
    *,
    {{ crossover('sum_5', 'sum_20') }} as crossover
  from sums

)

select
  symbol,
  bar_interval,
  source,
  bar_start_at,
  bar_date,
  close,
  cast(sum_5 as double) / 5 / cast(split_factor as double) as sma_5,
  cast(sum_20 as double) / 20 / cast(split_factor as double) as sma_20,
  crossover,
  {{ batch_id() }} as batch_id
from compared
where is_affected

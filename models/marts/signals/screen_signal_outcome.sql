with outcomes as (

  select
    outcome.signal_type,
    outcome.direction,
    outcome.bar_interval,
    horizons.bars_after,
    case horizons.bars_after
      when 1 then outcome.return_1
      when 5 then outcome.return_5
      else outcome.return_20
    end as later_return,
    outcome.signal_id
  from {{ ref('fct_signal_outcome') }} as outcome
  {{ join_primary_series('outcome', bar_interval='outcome.bar_interval') }}
  cross join (values (1), (5), (20)) as horizons (bars_after)

)

select
  signal_type,
  direction,
  bar_interval,
  bars_after,
  count(signal_id) as signals,
  count(later_return) as signals_with_outcome,
  avg(later_return) as average_return,
  stddev_samp(later_return) as return_deviation,
  avg(case when later_return > 0 then 1e0 when later_return is not null then 0e0 end) as share_positive
from outcomes
group by signal_type, direction, bar_interval, bars_after

{{ config(materialized='view') }}

with final_bars as (

  select
    symbol,
    bar_interval,
    source,
    bar_start_at,
    bar_date
  from {{ ref('fct_bar') }}
  where is_final

),

flagged as (

  select
    symbol,
    bar_interval,
    source,
    bar_start_at,
    bar_date,
    'crossover' as signal_type,
    crossover as direction,
    sma_5 as value,
    sma_20 as threshold,
    batch_id
  from {{ ref('fct_moving_average') }}
  where crossover in ('BUY', 'SELL')
  union all
  select
    symbol,
    bar_interval,
    source,
    bar_start_at,
    bar_date,
    'volume_spike' as signal_type,
    'UP' as direction,
    cast(volume as double) as value,
    {{ var('spike_factor') }} * avg_volume_baseline as threshold,
    batch_id
  from {{ ref('fct_volume_spike') }}
  where volume_spike = 'SPIKE'
  union all
  select
    symbol,
    bar_interval,
    source,
    bar_start_at,
    bar_date,
    'anomaly' as signal_type,
    case when price_change_pct > 0e0 then 'UP' else 'DOWN' end as direction,
    price_change_pct as value,
    cast({{ var('anomaly_pct') }} as double) as threshold,
    batch_id
  from {{ ref('fct_price_change') }}
  where is_anomaly

)

select
  flagged.symbol,
  flagged.bar_interval,
  flagged.source,
  flagged.bar_start_at,
  flagged.bar_date,
  -- cut to the second: the text of a timestamp differs between engines only after it
  flagged.symbol || '|' || flagged.bar_interval || '|' || flagged.source || '|' || flagged.signal_type || '|'
  || substr(cast(flagged.bar_start_at as varchar), 1, 19) as signal_id,
  flagged.signal_type,
  flagged.direction,
  flagged.value,
  flagged.threshold,
  flagged.batch_id
from flagged
inner join final_bars
  on {{ is_same_key('final_bars', 'flagged', bar_key()) }}

with primary_days as (

  select
    day.*,
    row_number() over (partition by day.symbol order by day.session_date desc) as days_ago
  from {{ ref('fct_daily_return') }} as day
  {{ join_primary_series('day') }}

)

select
  day.symbol,
  instrument.name,
  instrument.asset_class,
  day.session_date,
  day.close,
  day.price_change,
  day.price_change_pct,
  day.volume,
  indicator.relative_volume,
  indicator.sma_20,
  indicator.rsi_14,
  indicator.high_52w,
  indicator.low_52w,
  indicator.drawdown_52w,
  indicator.beta,
  volatility.volatility_20,
  day.is_final
from primary_days as day
inner join {{ ref('dim_symbol') }} as instrument on instrument.symbol = day.symbol
left join {{ ref('fct_daily_indicator') }} as indicator
  on {{ is_same_key('indicator', 'day', ['symbol', 'source', 'session_date']) }}
left join {{ ref('fct_volatility') }} as volatility
  on {{ is_same_key('volatility', 'day', ['symbol', 'source', 'session_date']) }}
where day.days_ago = 1

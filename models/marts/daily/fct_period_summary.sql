with days as (

  select
    bar.symbol,
    bar.source,
    bar.session_date,
    bar.open * bar.split_factor as open,
    bar.high * bar.split_factor as high,
    bar.low * bar.split_factor as low,
    bar.close * bar.split_factor as close,
    bar.volume,
    bar.split_factor,
    day.simple_return,
    day.total_return
  from {{ ref('fct_daily_bar') }} as bar
  inner join {{ ref('fct_daily_return') }} as day
    on {{ is_same_key('day', 'bar', ['symbol', 'source', 'session_date']) }}

),

days_by_period as (

  select
    days.*,
    periods.period,
    cast(case periods.period
      when 'week' then date_trunc('week', days.session_date)
      when 'month' then date_trunc('month', days.session_date)
      when 'quarter' then date_trunc('quarter', days.session_date)
      else date_trunc('year', days.session_date)
    end as date) as period_start
  from days
  cross join (values ('week'), ('month'), ('quarter'), ('year')) as periods (period)

),

-- prices in the units of the period's last session
totals as (

  select
    symbol,
    source,
    period,
    period_start,
    min(session_date) as first_session,
    max(session_date) as last_session,
    count(*) as sessions,
    cast(max_by(split_factor, session_date) as double) as factor,
    min_by(open, session_date) as open,
    max(high) as high,
    min(low) as low,
    max_by(close, session_date) as close,
    case when min(split_factor) = max(split_factor) then cast(sum(volume) as double) end as unsplit_volume,
    sum(cast(volume as double) / cast(split_factor as double)) as adjusted_volume,
    count(simple_return) as return_count,
    avg(simple_return) as average_daily_return,
    exp(sum(ln(1 + total_return))) - 1 as total_return
  from days_by_period
  group by symbol, source, period, period_start

)

select
  symbol,
  source,
  period,
  period_start,
  first_session,
  last_session,
  sessions,
  cast(open as double) / factor as open,
  cast(high as double) / factor as high,
  cast(low as double) / factor as low,
  cast(close as double) / factor as close,
  coalesce(unsplit_volume, adjusted_volume * factor) as volume,
  coalesce(unsplit_volume, adjusted_volume * factor) / 1e6 as volume_millions,
  coalesce(unsplit_volume, adjusted_volume * factor) / sessions as average_volume,
  cast(close as double) / cast(lag(close) over (partition by symbol, source, period order by period_start) as double)
  - 1 as period_return,
  total_return,
  average_daily_return,
  return_count
from totals

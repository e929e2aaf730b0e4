{{ config(materialized='view') }}

with gaps as (

  select *
  from {{ ref('int_bar__gap') }}

),

-- what one attempt of the loader brought of a series: between its bars, the vendor had nothing
fetched as (

  select
    symbol,
    bar_interval,
    source,
    run_id,
    min(bar_start_at) as first_at,
    max(bar_start_at) as last_at
  from {{ ref('fct_bar') }}
  where bar_interval = '1min'
  group by symbol, bar_interval, source, run_id

),

refused as ({{ refused_bars() }}),

explained as (

  select
    gaps.symbol,
    gaps.bar_interval,
    gaps.source,
    gaps.session_date,
    gaps.gap_start_at,
    gaps.gap_end_at,
    gaps.missing_minutes,
    count(refused.bar_start_at) as refused_lines,
    count(fetched.run_id) as covering_runs
  from gaps
  left join refused
    on {{ is_same_key('refused', 'gaps', ['symbol', 'bar_interval', 'source']) }}
    and refused.bar_start_at >= gaps.gap_start_at
    and refused.bar_start_at < gaps.gap_end_at
  left join fetched
    on {{ is_same_key('fetched', 'gaps', ['symbol', 'bar_interval', 'source']) }}
    and fetched.first_at < gaps.gap_start_at
    and fetched.last_at >= gaps.gap_end_at
  group by
    gaps.symbol, gaps.bar_interval, gaps.source, gaps.session_date, gaps.gap_start_at, gaps.gap_end_at, gaps.missing_minutes

),

-- holidays, and what an early close leaves of an ordinary session
closed as (

  select
    series.symbol,
    series.bar_interval,
    series.source,
    off.session_date,
    {{ session_time('off.session_date', 'coalesce(off.closes_at, exchange.opens_at)', 'exchange.timezone') }} as gap_start_at,
    {{ session_time('off.session_date', 'exchange.closes_at', 'exchange.timezone') }} as gap_end_at
  from {{ ref('dim_series') }} as series
  inner join {{ ref('dim_symbol') }} as instrument on instrument.symbol = series.symbol
  inner join {{ ref('exchange') }} as exchange on exchange.mic = instrument.mic
  inner join {{ ref('exchange_exception') }} as off
    on off.mic = instrument.mic
    and off.session_date between series.first_date and series.last_date
  where series.bar_interval = '1min' and not exchange.is_continuous

)

select
  symbol,
  bar_interval,
  source,
  session_date,
  gap_start_at,
  gap_end_at,
  cast(missing_minutes as bigint) as missing_minutes,
  case when refused_lines > 0 then 'quarantined' when covering_runs > 0 then 'no_trade' else 'not_fetched' end as reason
from explained
union all
select
  symbol,
  bar_interval,
  source,
  session_date,
  gap_start_at,
  gap_end_at,
  cast({{ minutes_between('gap_start_at', 'gap_end_at') }} as bigint) as missing_minutes,
  'closed' as reason
from closed

with series as (

  select
    symbol,
    bar_interval,
    source,
    min(bar_date) as first_date,
    max(bar_date) as last_date,
    sum(bars) as bars
  from {{ ref('int_bar__count_by_date') }}
  group by symbol, bar_interval, source
  union all
  select
    symbol,
    '1day' as bar_interval,
    source,
    min(session_date) as first_date,
    max(session_date) as last_date,
    count(*) as bars
  from {{ ref('fct_daily_bar') }}
  group by symbol, source

),

ranked as (

  select
    series.symbol,
    series.bar_interval,
    series.source,
    series.first_date,
    series.last_date,
    series.bars,
    row_number() over (
      partition by series.symbol, series.bar_interval
      order by
        case when chosen.source is null then 1 else 0 end,
        case series.source
          {%- for source in var('source_priority') %}
          when '{{ source }}' then {{ loop.index }}
          {%- endfor %}
          else {{ var('source_priority') | length + 1 }}
        end,
        series.source
    ) as priority
  from series
  left join {{ ref('primary_series') }} as chosen
    on chosen.symbol = series.symbol
    and chosen.bar_interval = series.bar_interval
    and chosen.source = series.source

)

select
  symbol,
  bar_interval,
  source,
  first_date,
  last_date,
  cast(bars as bigint) as bars,
  priority = 1 as is_primary
from ranked

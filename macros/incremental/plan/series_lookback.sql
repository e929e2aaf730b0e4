{% macro series_lookback(consumed, lookbacks) %}
{%- set is_far_enough -%}
counted.bars_before <= changed.bars_before - lookback.bars and counted.dates_before <= changed.dates_before - lookback.dates
{%- endset %}
  select
    lookback.model, changed.symbol, changed.bar_interval, changed.source,
    coalesce(
      max(case when {{ is_far_enough }} then counted.bar_date end), min(counted.bar_date), min(changed.changed_from)
    ) as read_from,
    coalesce(max(case when {{ is_far_enough }} then counted.bars_before end), 0) as bars_before
  from (
    select
      first_change.symbol, first_change.bar_interval, first_change.source, first_change.changed_from,
      coalesce(sum(earlier.bars), 0) as bars_before, count(earlier.bars) as dates_before
    from (
      select symbol, bar_interval, source, min(bar_date) as changed_from
      from {{ ref('fct_bar') }}
      where batch_id > {{ consumed }}
      group by symbol, bar_interval, source
    ) as first_change
    left join {{ ref('int_bar__count_by_date') }} as earlier
      on earlier.symbol = first_change.symbol
      and earlier.bar_interval = first_change.bar_interval
      and earlier.source = first_change.source
      and earlier.bar_date < first_change.changed_from
    group by first_change.symbol, first_change.bar_interval, first_change.source, first_change.changed_from
  ) as changed
  cross join (
    values {% for name, bars, dates in lookbacks %}('{{ name }}', {{ bars }}, {{ dates }}){{ ', ' if not loop.last }}{% endfor %}
  ) as lookback (model, bars, dates)
  left join (
    select
      symbol, bar_interval, source, bar_date,
      sum(bars) over (partition by symbol, bar_interval, source order by bar_date) - bars as bars_before,
      row_number() over (partition by symbol, bar_interval, source order by bar_date) - 1 as dates_before
    from {{ ref('int_bar__count_by_date') }}
  ) as counted
    on counted.symbol = changed.symbol
    and counted.bar_interval = changed.bar_interval
    and counted.source = changed.source
    and counted.bar_date <= changed.changed_from
  group by lookback.model, changed.symbol, changed.bar_interval, changed.source
{% endmacro %}

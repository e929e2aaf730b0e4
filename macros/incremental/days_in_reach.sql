{#- The days that a daily mart must read: of every series with changes, all from `reach` sessions before the earliest one. They
    have the columns of bars (bar_interval, bar_start_at, bar_number, is_cut, is_changed, continuous_close: see bars_in_reach), so
    that the macros for windows over bars serve days, and benchmark_close, the continuous close of var('benchmark_symbol')
    in the same source on the same day. A change of the benchmark's day is a change of every series' day.

    Days are few: the whole table is read for its keys, and no count by date is kept. -#}
{% macro days_in_reach(reach) %}
{%- set days, incremental, series = ref('fct_daily_bar'), is_incremental(), 'partition by symbol, source' %}
  select
    numbered.*,
    {{ 'numbered.first_changed - ' ~ reach ~ ' > 1' if incremental else 'false' }} as is_cut
  from (
    select
      flagged.*,
      {%- if incremental %}
      max(is_changed) over ({{ series }}) as has_changed,
      1 + sum(1 - changed_so_far) over ({{ series }}) as first_changed,
      {%- endif %}
      row_number() over ({{ series }} order by session_date) as bar_number
    from (
      select
        joined.*,
        max(is_changed) over ({{ series }} order by session_date) as changed_so_far
      from (
        select
          days.*,
          '1day' as bar_interval,
          days.session_date as bar_start_at,
          days.close * days.split_factor as continuous_close,
          benchmark.close * benchmark.split_factor as benchmark_close,
          {%- if incremental %}
          case when days.batch_id > {{ consumed_batch() }} or benchmark.batch_id > {{ consumed_batch() }} then 1 else 0 end as is_changed
          {%- else %}
          1 as is_changed
          {%- endif %}
        from {{ days }} as days
        left join {{ days }} as benchmark
          on benchmark.symbol = '{{ var("benchmark_symbol") }}'
          and benchmark.source = days.source
          and benchmark.session_date = days.session_date
      ) as joined
    ) as flagged
  ) as numbered
  {%- if incremental %}
  where numbered.has_changed = 1 and numbered.bar_number >= numbered.first_changed - {{ reach }}
  {%- endif %}
{% endmacro %}

{% macro days_in_lookback() %}
{%- set days, incremental = ref('fct_daily_bar'), is_incremental() %}
  select
    *,
    first_changed > {{ model.lookback + 1 }} as is_cut
  from (
    select
      *,
      min(case when is_changed then bar_number end) over (partition by symbol, source) as first_changed
    from (
      select
        days.*,
        '1day' as bar_interval,
        days.session_date as bar_start_at,
        days.close * days.split_factor as continuous_close,
        benchmark.close * benchmark.split_factor as benchmark_close,
        row_number() over (partition by days.symbol, days.source order by days.session_date) as bar_number,
        {%- if incremental %}
        days.batch_id > {{ consumed_batch() }} or coalesce(benchmark.batch_id > {{ consumed_batch() }}, false) as is_changed
        {%- else %}
        true as is_changed
        {%- endif %}
      from {{ days }} as days
      left join {{ days }} as benchmark
        on benchmark.symbol = '{{ var("benchmark_symbol") }}'
        and benchmark.source = days.source
        and benchmark.session_date = days.session_date
    ) as flagged
  ) as numbered
  -- first_changed is NULL for a series without a change
  where bar_number >= first_changed - {{ model.lookback }}
{% endmacro %}

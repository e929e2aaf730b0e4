{#- The bars that a window mart must read: of every series with changes, all bars from the mart's lookback (see window_mart:
    so many bars, and so many dates that have bars) before the earliest change on.

    Columns: those of fct_bar, and
      bar_number       1 for the series' first bar ever, also when older bars are not read
      is_cut           true when older bars exist that are not read
      is_changed       true for a bar written since this mart last ran; on a first build for every bar
      continuous_close close x split_factor: the same unit before and after a split (open, high, low: likewise)

    Both parents are named outside any condition: dbt infers the graph when it parses. -#}
{% macro bars_in_lookback() %}
{%- set bars, counts, incremental = ref('fct_bar'), ref('int_bar__count_by_date'), is_incremental() %}
  select
    bars.*,
    bars.close * bars.split_factor as continuous_close,
  {%- if incremental %}
    series.bars_before + row_number() over (
      partition by bars.symbol, bars.bar_interval, bars.source order by bars.bar_start_at
    ) as bar_number,
    series.bars_before > 0 as is_cut,
    bars.batch_id > {{ consumed_batch() }} as is_changed
  from {{ bars }} as bars
  inner join ({{ series_lookback(consumed_batch(), [(this.identifier, model.lookback, model.lookback_dates)]) }}) as series
    on series.symbol = bars.symbol
    and series.bar_interval = bars.bar_interval
    and series.source = bars.source
    and series.read_from <= bars.bar_date
  where {{ on_or_after('bars.bar_date', date_bounds('read')) }}
  {%- else %}
    row_number() over (
      partition by bars.symbol, bars.bar_interval, bars.source order by bars.bar_start_at
    ) as bar_number,
    false as is_cut,
    true as is_changed
  from {{ bars }} as bars
  {%- endif %}
{% endmacro %}

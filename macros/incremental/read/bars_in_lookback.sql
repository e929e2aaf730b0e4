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

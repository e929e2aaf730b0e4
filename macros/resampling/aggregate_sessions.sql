{% macro aggregate_sessions() %}
{%- set midnight -%}cast(bars.bar_date as {{ type_timestamp() }}){%- endset -%}
{%- set bound = [date_bounds('merge'), date_bounds('count')] | min if is_incremental() and run_plan() else none %}
  select
    bars.symbol,
    bars.source || ':resampled' as source,
    bars.bar_date as session_date,
    min_by(bars.open, bars.bar_start_at) filter (where bars.session in ('regular', 'continuous')) as open,
    max(bars.high) filter (where bars.session in ('regular', 'continuous')) as high,
    min(bars.low) filter (where bars.session in ('regular', 'continuous')) as low,
    max_by(bars.close, bars.bar_start_at) filter (where bars.session in ('regular', 'continuous')) as close,
    cast(null as decimal(18, 8)) as adjusted_close,
    try_cast(sum(bars.volume) filter (where bars.session in ('regular', 'continuous')) as decimal(18, 4)) as volume,
    count(*) filter (where bars.session in ('regular', 'continuous')) as minutes,
    max_by(bars.close, bars.bar_start_at) filter (where bars.session = 'pre') as pre_market_close,
    max_by(bars.close, bars.bar_start_at) filter (where bars.session = 'post') as post_market_close,
    max(bars.price_basis) as price_basis,
    max(bars.currency) as currency,
    bool_and(bars.is_final)
    and max(bars.received_at) >= max(coalesce(
      hours.closes_at, {{ add_units(midnight, 1, 'day') }}
    )) as is_final,
    max(bars.received_at) as received_at,
    max_by(bars.run_id, bars.bar_start_at) as run_id,
    max_by(bars.line_number, bars.bar_start_at) as line_number,
    max_by(bars.source_object, bars.bar_start_at) as source_object
  from {{ ref('fct_bar') }} as bars
  {%- if is_incremental() %}
  inner join (
    select symbol, source, bar_date
    from {{ ref('fct_bar') }}
    where batch_id > {{ consumed_batch() }} and bar_interval = '1min' and {{ on_or_after('bar_date', bound) }}
    union
    select symbol, source, event_date as bar_date
    from {{ ref('int_line__validated') }}
    where reasons = '' and period = '1min'
  ) as touched
    on {{ is_same_key('touched', 'bars', ['symbol', 'source', 'bar_date']) }}
  {%- endif %}
  left join {{ ref('symbol') }} as listed on listed.symbol = bars.symbol
  left join {{ ref('dim_session') }} as hours
    on hours.mic = {{ calendar_of('listed') }}
    and hours.session_date = bars.bar_date
  where bars.bar_interval = '1min' and {{ on_or_after('bars.bar_date', bound) }}
  group by bars.symbol, bars.source, bars.bar_date
  having count(*) filter (where bars.session in ('regular', 'continuous')) > 0
{% endmacro %}

{{ versioned_table(key=['symbol', 'bar_interval', 'source', 'bar_date'], content=['bars'], consumes=['fct_bar']) }}
{%- set bound = date_bounds('count') %}

with touched as (

  select
    symbol,
    bar_interval,
    source,
    bar_date
  from {{ ref('fct_bar') }}
  {%- if is_incremental() %}
  where batch_id > {{ consumed_batch() }} and {{ on_or_after('bar_date', bound) }}
  {%- endif %}
  group by symbol, bar_interval, source, bar_date

),

counted as (

  select
    bars.symbol,
    bars.bar_interval,
    bars.source,
    bars.bar_date,
    count(*) as bars
  from {{ ref('fct_bar') }} as bars
  inner join touched
    on {{ is_same_key('touched', 'bars', ['symbol', 'bar_interval', 'source', 'bar_date']) }}
  where {{ on_or_after('bars.bar_date', bound) }}
  group by bars.symbol, bars.bar_interval, bars.source, bars.bar_date

)

{{ write_changes('counted', stored_rows=on_or_after('stored.bar_date', bound)) }}

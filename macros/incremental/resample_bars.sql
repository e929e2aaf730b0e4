{#- Post-hook of fct_bar: one merge that writes the bars of var('resample_minutes') minutes of every bucket that a bar of one
    minute has touched, as rows of source `<source>:resampled`. Buckets are anchored at the session's opening (pre-market at
    its own, post-market at the close), and hold one session each. Minutes count as touched when they arrived in this run
    or were written since the last complete one, so a run that died between the bars and this hook heals. -#}
{% macro resample_bars() %}
{%- if not execute or not var('resample_minutes') -%}{{ return('') }}{%- endif -%}
{%- set content = ['session', 'open', 'high', 'low', 'close', 'volume', 'split_factor', 'price_basis', 'currency', 'is_final'] -%}
{%- set lineage = ['received_at', 'run_id', 'line_number', 'source_object'] -%}
{%- set columns = bar_key() + content + lineage + ['batch_id'] -%}
{%- set bucket = ['symbol', 'source', 'session', 'minutes', 'resampled_start_at'] -%}
merge into {{ this }} as kept
using (
  with placed as ({{ placed_minutes() }}),
  touched as (
    select {{ columns_of('placed', bucket) }}
    from placed
    left join (
      select symbol, source, bar_start_at
      from {{ ref('int_bar__arrived') }}
      where reasons = '' and bar_interval = '1min'
      group by symbol, source, bar_start_at
    ) as arrived
      on {{ is_same_key('arrived', 'placed', ['symbol', 'source', 'bar_start_at']) }}
    where placed.batch_id > {{ consumed_batch() }} or arrived.symbol is not null
    group by {{ columns_of('placed', bucket) }}
  ),
  resampled as (
    select
      placed.symbol,
      cast(placed.minutes as varchar) || 'min' as bar_interval,
      placed.source || ':resampled' as source,
      placed.resampled_start_at as bar_start_at,
      placed.bar_date,
      placed.session,
      min_by(placed.open, placed.bar_start_at) as open,
      max(placed.high) as high,
      min(placed.low) as low,
      max_by(placed.close, placed.bar_start_at) as close,
      try_cast(sum(placed.volume) as decimal(18, 4)) as volume,
      max(placed.split_factor) as split_factor,
      max(placed.price_basis) as price_basis,
      max(placed.currency) as currency,
      min(case when placed.is_final then 1 else 0 end) = 1
      and max(placed.received_at) >= {{ add_units('placed.resampled_start_at', 'placed.minutes', 'minute') }} as is_final,
      max(placed.received_at) as received_at,
      max_by(placed.run_id, placed.bar_start_at) as run_id,
      max_by(placed.line_number, placed.bar_start_at) as line_number,
      max_by(placed.source_object, placed.bar_start_at) as source_object
    from placed
    inner join touched on {{ is_same_key('touched', 'placed', bucket) }}
    group by {{ columns_of('placed', bucket) }}, placed.bar_date
  )
  select
    {{ columns_of('resampled', bar_key() + content + lineage) }},
    case
      when stored.symbol is null or {{ is_different('resampled', 'stored', content) }} then {{ batch_id() }}
      else stored.batch_id
    end as batch_id
  from resampled
  left join {{ this }} as stored on {{ is_same_key('stored', 'resampled', bar_key()) }}
  where stored.symbol is null or {{ is_different('resampled', 'stored', content + lineage) }}
) as fresh
on {{ is_same_key('kept', 'fresh', bar_key()) }}
when matched then update set
  {%- for column in content + lineage + ['batch_id'] %} {{ column }} = fresh.{{ column }}{{ ',' if not loop.last }}{% endfor %}
when not matched then insert ({{ columns | join(', ') }}) values ({{ columns_of('fresh', columns) }})
{% endmacro %}

{#- The stored bars of one minute that this run may have touched, each with the start of the buckets it belongs to. -#}
{% macro placed_minutes() %}
{%- set elapsed -%}
{{ minutes_between(
  "case bars.session when 'regular' then hours.opens_at when 'pre' then hours.pre_opens_at when 'post' then hours.closes_at "
  ~ "else date_trunc('day', bars.bar_start_at) end", 'bars.bar_start_at') }}
{%- endset %}
    select
      bars.*,
      lengths.minutes,
      {{ add_units('bars.bar_start_at', '-((' ~ elapsed ~ ') % lengths.minutes)', 'minute') }} as resampled_start_at
    from {{ this }} as bars
    cross join (values {% for minutes in var('resample_minutes') %}({{ minutes }}){{ ', ' if not loop.last }}{% endfor %}) as lengths (minutes)
    left join {{ ref('symbol') }} as listed on listed.symbol = bars.symbol
    left join {{ ref('dim_session') }} as hours
      on hours.mic = coalesce(listed.mic, '{{ var("default_calendar") }}')
      and hours.session_date = bars.bar_date
    where bars.bar_interval = '1min'
      and {{ on_or_after('bars.bar_date', date_bounds('merge') if consumed_batch() | int > 0 else none) }}
{% endmacro %}

{#- Post-hook of fct_bar: one merge that writes the bars of var('resample_minutes') minutes of every bucket that a bar of one
    minute has touched, as rows of source `<source>:resampled`. Buckets are anchored at the session's opening (pre-market at
    its own, post-market at the close), and hold one session each. Minutes count as touched when they arrived in this run, or
    when they were written since this model's last one: all of them, when the lengths have changed. -#}
{% macro resample_bars() %}
{%- if not execute or not var('resample_minutes') -%}{{ return('') }}{%- endif -%}
{%- set content = ['session', 'open', 'high', 'low', 'close', 'volume', 'split_factor', 'price_basis', 'currency', 'is_final'] -%}
{%- set lineage = ['received_at', 'run_id', 'line_number', 'source_object'] -%}
{%- set columns = bar_key() + content + lineage + ['batch_id'] -%}
{%- set bound = date_bounds('merge') if consumed_batch() | int > 0 else none -%}
{%- set bucket = ['symbol', 'source', 'session', 'minutes', 'resampled_start_at'] -%}
merge into {{ this }} as kept
using (
  with placed as ({{ placed_minutes(bound) }}),
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
  resampled as ({{ buckets_of_minutes(bucket) }})
  select
    {{ columns_of('resampled', bar_key() + content + lineage) }},
    case
      when stored.symbol is null or {{ is_different('resampled', 'stored', content) }} then {{ batch_id() }}
      else stored.batch_id
    end as batch_id
  from resampled
  left join {{ this }} as stored
    on {{ is_same_key('stored', 'resampled', bar_key()) }} and {{ on_or_after('stored.bar_date', bound) }}
  where stored.symbol is null or {{ is_different('resampled', 'stored', content + lineage) }}
) as fresh
on {{ is_same_key('kept', 'fresh', bar_key()) }} and {{ on_or_after('kept.bar_date', bound) }}
when matched then update set
  {%- for column in content + lineage + ['batch_id'] %} {{ column }} = fresh.{{ column }}{{ ',' if not loop.last }}{% endfor %}
when not matched then insert ({{ columns | join(', ') }}) values ({{ columns_of('fresh', columns) }})
{% endmacro %}

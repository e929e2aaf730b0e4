{% macro resample_bars() %}
{%- if not execute or not var('resample_minutes') -%}{{ return('') }}{%- endif -%}
{%- set columns = versioned_columns() -%}
{%- set updated = columns.content + columns.lineage + ['batch_id'] -%}
{%- set bound = date_bounds('merge') if consumed_batch() | int > 0 else none -%}
{%- set bucket = ['symbol', 'source', 'session', 'minutes', 'bucket_start_at'] -%}
merge into {{ this }} as kept
using (
  with minutes_with_bucket as ({{ minutes_with_bucket(bound) }}),
  touched as (
    select {{ columns_of('bars', bucket) }}
    from minutes_with_bucket as bars
    left join (
      select symbol, source, event_at
      from {{ ref('int_line__validated') }}
      where reasons = '' and period = '1min'
      group by symbol, source, event_at
    ) as arrived
      on arrived.symbol = bars.symbol
      and arrived.source = bars.source
      and arrived.event_at = bars.bar_start_at
    where bars.batch_id > {{ consumed_batch() }} or arrived.symbol is not null
    group by {{ columns_of('bars', bucket) }}
  ),
  resampled as ({{ aggregate_buckets(bucket) }})
  {{ changed_rows('resampled', stored_rows=on_or_after('stored.bar_date', bound), replaces='true') }}
) as fresh
on {{ is_same_key('kept', 'fresh', columns.key) }} and {{ on_or_after('kept.bar_date', bound) }}
when matched then update set
  {%- for column in updated %} {{ column }} = fresh.{{ column }}{{ ',' if not loop.last }}{% endfor %}
when not matched then insert ({{ (columns.key + updated) | join(', ') }}) values ({{ columns_of('fresh', columns.key + updated) }})
{% endmacro %}

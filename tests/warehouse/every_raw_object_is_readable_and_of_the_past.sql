{{ config(severity='warn') }}
{%- set next_hour = add_units(current_utc(), 1, 'hour') %}

select
  source_object,
  size_bytes,
  problem
from {{ ref('unreadable_object') }}
union all
select
  source_object,
  size_bytes,
  'its arrival hour is still to come: the clock that named it was wrong' as problem
from {{ raw_objects() }}
where problem = ''
  and dt || ' ' || hr > substr(cast({{ next_hour }} as varchar), 1, 13)

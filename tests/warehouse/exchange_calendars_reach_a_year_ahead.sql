{{ config(severity='warn') }}

select
  mic,
  max(session_date) as last_session
from {{ ref('dim_session') }}
group by mic
having max(session_date) < cast({{ add_units(current_utc(), 365, 'day') }} as date)

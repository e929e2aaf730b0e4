{% test no_missing_line(model) %}
select
  dt,
  hr,
  landed_lines,
  missing_lines
from {{ model }}
where missing_lines <> 0
  or superseded_lines < 0
union all
-- an object of the raw zone, of which the account does not know every line
select
  objects.dt,
  objects.hr,
  coalesce(account.landed_lines, 0) as landed_lines,
  objects.lines - coalesce(account.landed_lines, 0) as missing_lines
from {{ raw_objects() }} as objects
left join {{ ref('int_arrival__reconciled') }} as account on account.source_object = objects.source_object
where objects.problem = ''
  and objects.batch_id <= {{ accounted_batch() }}
  and objects.lines <> coalesce(account.landed_lines, 0)
{% endtest %}

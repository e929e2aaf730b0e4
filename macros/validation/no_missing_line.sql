{% test no_missing_line(model) %}
select
  dt,
  hr,
  landed_lines,
  missing_lines
from {{ model }}
where missing_lines <> 0
  or superseded_lines < 0
{% endtest %}

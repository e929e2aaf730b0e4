{#- Data test: landed = winning + superseded + duplicate + quarantined in every arrival hour. Returns the hours that lost lines;
    docs/runbooks/failing-test.md has the query from an hour to its lines. -#}
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

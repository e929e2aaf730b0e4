{#- Data test: no two rows agree on the columns. Returns the keys that do, with their number of rows. -#}
{% test unique_key(model, columns) %}
select
  {{ columns | join(', ') }},
  count(*) as rows_found
from {{ model }}
group by {{ columns | join(', ') }}
having count(*) > 1
{% endtest %}

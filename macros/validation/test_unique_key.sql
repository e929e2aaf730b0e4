{#- Data test: no two rows agree on the columns, and none of these is NULL. Returns the keys that do, with their number of rows. -#}
{% test unique_key(model, columns) %}
select
  {{ columns | join(', ') }},
  count(*) as rows_found
from {{ model }}
group by {{ columns | join(', ') }}
having count(*) > 1 or {{ columns | join(' is null or ') }} is null
{% endtest %}

{% macro doubled_keys(model, columns, date_column, start, batch) %}
{%- set key = columns | join(', ') -%}
select
  {{ key }},
  count(*) as rows_found
from {{ model }}
where {{ on_or_after(date_column, start) }}
group by {{ key }}
having count(*) > 1 or {{ columns | join(' is null or ') }} is null
{%- if start %}
union all
select
  {{ key }},
  1
from {{ model }}
where ({{ date_column }} < date '{{ start }}' or {{ date_column }} is null) and batch_id >= {{ batch }}
{%- endif %}
{% endmacro %}

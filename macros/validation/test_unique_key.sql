{#- Data test: no two rows agree on the columns, and none of these is NULL. Returns the keys that do, with their number of rows.

    Where `date_column` names a date column, a run within the day looks only at what changed since the last release: see tested_from. -#}
{% test unique_key(model, columns, date_column=none) %}
{{ doubled_keys(model, columns, date_column, tested_from() if date_column else none, batch_id()) }}
{% endtest %}

{#- The keys that are there twice or NULL, of the rows from the date `start` on (none: of all); and those of the rows that batch
    `batch` wrote before it. There must be none: no merge looked there for a row to update. -#}
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

{#- The date from which a run of the selector intraday tests keys, or none for all dates, as at night. No run since the last
    release has merged below merge_floor: plan_merge looks back to that release. -#}
{% macro tested_from() %}
  {{ return(merge_floor() if execute and invocation_args_dict.get('selector') == 'intraday' else none) }}
{% endmacro %}

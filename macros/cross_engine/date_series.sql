{% macro date_series(first, last, step) %}{{ return(adapter.dispatch('date_series')(first, last, step)) }}{% endmacro %}

{% macro default__date_series(first, last, step) %}{{ unsupported_engine('date_series') }}{% endmacro %}

{% macro duckdb__date_series(first, last, step) -%}
(select cast(series.day as date) as day from generate_series(date '{{ first }}', date '{{ last }}', interval 1 {{ step }}) as series (day))
{%- endmacro %}

{% macro athena__date_series(first, last, step) -%}
{%- if step == 'day' -%}
(
  select date_add('day', cast(d as integer), m) as day
  from unnest(sequence(date_trunc('month', date '{{ first }}'), date '{{ last }}', interval '1' month)) as months (m)
  cross join unnest(sequence(0, 30)) as days (d)
  where month(date_add('day', cast(d as integer), m)) = month(m)
    and date_add('day', cast(d as integer), m) between date '{{ first }}' and date '{{ last }}'
)
{%- else -%}
(select m as day from unnest(sequence(date '{{ first }}', date '{{ last }}', interval '1' month)) as months (m))
{%- endif -%}
{%- endmacro %}

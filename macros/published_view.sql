{% macro published_view(view, relation, columns, version) %}
create or replace view {{ view }} as
select {{ columns.keys() | join(', ') }}
from {{ at_version(relation, version) }}
{%- if 'bar_interval' in columns and 'source' in columns and 'is_primary' not in columns %}
where (symbol, bar_interval, source) in (
  select symbol, bar_interval, source
  from {{ ref('dim_series') }}
  where is_primary
)
{%- elif 'source' in columns and ('session_date' in columns or 'period_start' in columns) %}
where (symbol, source) in (
  select symbol, source
  from {{ ref('dim_series') }}
  where is_primary and bar_interval = '1day'
)
{%- endif %}
{% endmacro %}

{% macro first_arrival_date(dataset) %}{{ return(adapter.dispatch('first_arrival_date')(dataset)) }}{% endmacro %}

{% macro default__first_arrival_date(dataset) %}{{ unsupported_engine('first_arrival_date') }}{% endmacro %}

{% macro duckdb__first_arrival_date(dataset) -%}
select min(regexp_extract(file, '/dt=([0-9-]{10})/[^/]+/[^/]+$', 1))
from glob({{ lake_objects(dataset) }})
{%- endmacro %}

{% macro athena__first_arrival_date(dataset) -%}
select min(dt) from {{ source('raw', dataset) }}
{%- endmacro %}

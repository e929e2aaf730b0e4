{% macro first_arrival_date(dataset) %}{{ return(adapter.dispatch('first_arrival_date')(dataset)) }}{% endmacro %}

{% macro default__first_arrival_date(dataset) %}{{ unsupported_engine('first_arrival_date') }}{% endmacro %}

{% macro duckdb__first_arrival_date(dataset) -%}
select min({{ arrival_part('source_object', 'dt') }})
from ({{ listed_objects(dataset) }}) as listed
{%- endmacro %}

{% macro athena__first_arrival_date(dataset) -%}
select min(dt) from {{ source('raw', dataset) }}
{%- endmacro %}

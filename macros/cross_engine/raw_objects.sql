{% macro raw_objects() %}{{ return(adapter.dispatch('raw_objects')()) }}{% endmacro %}

{% macro default__raw_objects() %}{{ unsupported_engine('raw_objects') }}{% endmacro %}

{% macro duckdb__raw_objects() -%}
{{ audit_relation('raw_object') }}
{%- endmacro %}

{% macro athena__raw_objects() -%}
(
  select
    cast(null as varchar) as source_object, cast(null as varchar) as dt, cast(null as varchar) as hr,
    cast(null as bigint) as size_bytes, cast(null as bigint) as lines, cast(null as varchar) as problem,
    cast(null as boolean) as replaces, cast(null as bigint) as batch_id
  where false
)
{%- endmacro %}

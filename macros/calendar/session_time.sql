{% macro session_time(session_date, clock, zone) -%}
{%- set wall_clock -%}
cast(cast({{ session_date }} as varchar) || ' ' || {{ clock }} || ':00' as {{ type_timestamp() }})
{%- endset -%}
{{ local_to_utc(wall_clock, zone) }}
{%- endmacro %}

{#- The UTC timestamp of a wall-clock time (text HH:MM) on a date in a zone; all three may be columns. -#}
{% macro session_time(session_date, clock, zone) -%}
{%- set wall_clock -%}
cast(cast({{ session_date }} as varchar) || ' ' || {{ clock }} || ':00' as {{ type_timestamp() }})
{%- endset -%}
{{ local_to_utc(wall_clock, zone) }}
{%- endmacro %}

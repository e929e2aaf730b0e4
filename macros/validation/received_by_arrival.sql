{% macro received_by_arrival(received_at) -%}
{%- set arrival_hour -%}cast(dt || ' ' || hr || ':00:00' as {{ type_timestamp() }}){%- endset -%}
{%- set arrived_by = add_units(arrival_hour, 1, 'hour') -%}
case when {{ received_at }} > {{ arrived_by }} then {{ arrived_by }} else {{ received_at }} end
{%- endmacro %}

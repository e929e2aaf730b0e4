{% macro trusted_arrival(arrival_hour) %}
  {%- set is_hour = modules.re.match('^[0-9]{4}-(0[1-9]|1[0-2])-[0-3][0-9] ([01][0-9]|2[0-3])$', arrival_hour or '') -%}
  {{ return(arrival_hour if is_hour and arrival_hour <= run_hour(hours_ahead=1) else '') }}
{% endmacro %}

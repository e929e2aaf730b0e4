{% macro hours_before(arrival_hour, hours) %}
  {%- set moment = modules.datetime.datetime.strptime(arrival_hour, '%Y-%m-%d %H') - modules.datetime.timedelta(hours=hours) -%}
  {{ return(moment.strftime('%Y-%m-%d %H')) }}
{% endmacro %}

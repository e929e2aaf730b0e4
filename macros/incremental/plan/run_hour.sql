{% macro run_hour(hours_ahead=0) %}
  {{ return((run_started_at + modules.datetime.timedelta(hours=hours_ahead)).astimezone(modules.pytz.utc).strftime('%Y-%m-%d %H')) }}
{% endmacro %}

{#- 1 when what a row sees of its own and earlier dates has changed: an earlier bar of its date, the bar at its minute of the day
    (column minute_of_day) on one of the `dates` dates before, or which dates those are. Expects date_number, the number of
    the bar's date in its series. A date whose every bar has changed counts as a new one. On a first build: 1. -#}
{% macro changed_since_dates(dates) -%}
{%- set series = 'partition by symbol, bar_interval, source' -%}
{%- set frame = 'order by date_number range between ' ~ dates ~ ' preceding and 1 preceding' -%}
  {%- if is_incremental() -%}
    case
      when max(is_changed) over ({{ series }}, bar_date order by bar_start_at) = 1
        or max(is_changed) over ({{ series }}, minute_of_day {{ frame }}) = 1
        or max(is_new_date) over ({{ series }} {{ frame }}) = 1
        then 1
      else 0
    end
  {%- else -%}
    1
  {%- endif -%}
{%- endmacro %}

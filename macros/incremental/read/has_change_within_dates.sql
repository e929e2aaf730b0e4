{% macro has_change_within_dates() -%}
{%- set series = 'partition by symbol, bar_interval, source' -%}
{%- set frame -%}
order by date_number range between {{ model.lookback_dates }} preceding and 1 preceding
{%- endset -%}
  {%- if is_incremental() -%}
    (
      bool_or(is_changed) over ({{ series }}, bar_date order by bar_start_at)
      or coalesce(bool_or(is_changed) over ({{ series }}, minute_of_day {{ frame }}), false)
      or coalesce(bool_or(is_new_date) over ({{ series }} {{ frame }}), false)
    )
  {%- else -%}
    true
  {%- endif -%}
{%- endmacro %}

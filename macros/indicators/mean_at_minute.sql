{% macro mean_at_minute(column, sessions, least) -%}
{%- set frame -%}
partition by symbol, bar_interval, source, minute_of_day order by date_number range between {{ sessions }} preceding and 1 preceding
{%- endset -%}
case
      when count({{ column }}) over ({{ frame }}) >= {{ least }} then avg({{ column }}) over ({{ frame }})
    end
{%- endmacro %}

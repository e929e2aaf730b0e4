{% macro date_window() -%}
partition by symbol, bar_interval, source, bar_date order by bar_start_at rows between unbounded preceding and current row
{%- endmacro %}

{#- The frame of a series' bars of one date up to the current one. -#}
{% macro date_window() -%}
partition by symbol, bar_interval, source, bar_date order by bar_start_at rows between unbounded preceding and current row
{%- endmacro %}

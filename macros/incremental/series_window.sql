{#- The frame of a series' bars from `first` bars before the current one to `last` bars before it (0: the current bar). -#}
{% macro series_window(first=none, last=0) -%}
  partition by symbol, bar_interval, source order by bar_start_at
  {%- if first is not none %} rows between {{ first }} preceding and {{ 'current row' if last == 0 else last ~ ' preceding' }}{% endif -%}
{%- endmacro %}

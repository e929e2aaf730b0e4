{#- The frame of a series' bars from `first` bars before the current one to `last` bars before it (0: the current bar).
    `table` qualifies the columns where a join makes them ambiguous. -#}
{% macro series_window(first=none, last=0, table=none) -%}
  {%- set at = table ~ '.' if table else '' -%}
  partition by {{ at }}symbol, {{ at }}bar_interval, {{ at }}source order by {{ at }}bar_start_at
  {%- if first is not none %} rows between {{ first }} preceding and {{ 'current row' if last == 0 else last ~ ' preceding' }}{% endif -%}
{%- endmacro %}

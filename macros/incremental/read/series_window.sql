{#- The frame of a series' bars from `first` bars before the current one to `last` bars before it (0: the current bar).
    `table` qualifies the columns where a join makes them ambiguous. -#}
{% macro series_window(first=none, last=0, table=none) -%}
  {%- set prefix -%}{% if table %}{{ table }}.{% endif %}{%- endset -%}
  partition by {{ prefix }}symbol, {{ prefix }}bar_interval, {{ prefix }}source order by {{ prefix }}bar_start_at
  {%- if first is not none and last == 0 %} rows between {{ first }} preceding and current row
  {%- elif first is not none %} rows between {{ first }} preceding and {{ last }} preceding
  {%- endif -%}
{%- endmacro %}

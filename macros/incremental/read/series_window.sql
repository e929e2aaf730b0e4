{% macro series_window(first=none, last=0, table=none) -%}
  {%- set prefix -%}{% if table %}{{ table }}.{% endif %}{%- endset -%}
  partition by {{ prefix }}symbol, {{ prefix }}bar_interval, {{ prefix }}source order by {{ prefix }}bar_start_at
  {%- if first is not none and last == 0 %} rows between {{ first }} preceding and current row
  {%- elif first is not none %} rows between {{ first }} preceding and {{ last }} preceding
  {%- endif -%}
{%- endmacro %}

{#- 1 when the bar or one of the `reach` bars before it has changed: the rows that a window mart writes. The filter on it
    comes last, after the windows. On a first build every row is written, and nothing is computed. -#}
{% macro changed_within(reach) -%}
  {%- if is_incremental() -%}
    max(is_changed) over ({{ series_window(reach) }})
  {%- else -%}
    1
  {%- endif -%}
{%- endmacro %}

{#- True when the bar, or one of the bars before it that its row depends on (see window_mart), has changed: the rows that a
    mart writes. The filter on it comes last, after the windows. On a first build every row is written, and nothing is computed. -#}
{% macro has_change_within_lookback() -%}
  {%- if is_incremental() -%}
    bool_or(is_changed) over ({{ series_window(model.lookback) }})
  {%- else -%}
    true
  {%- endif -%}
{%- endmacro %}

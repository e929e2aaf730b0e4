{% macro has_change_within_lookback() -%}
  {%- if is_incremental() -%}
    bool_or(is_changed) over ({{ series_window(model.lookback) }})
  {%- else -%}
    true
  {%- endif -%}
{%- endmacro %}

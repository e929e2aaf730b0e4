{#- Run-operation: print which percentage of the lines that arrived on `since` (YYYY-MM-DD) or later was quarantined; 0 where
    none arrived. -#}
{% macro quarantined_share(since) %}
  {%- set found = run_query(
    "select coalesce(100.0 * sum(quarantined_lines) / nullif(sum(landed_lines), 0), 0) from " ~ ref('int_arrival__reconciled')
    ~ " where dt >= '" ~ since ~ "'").rows[0][0] -%}
  {{ print('quarantined_pct=' ~ found) }}
{% endmacro %}

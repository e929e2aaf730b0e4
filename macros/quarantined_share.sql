{% macro quarantined_share(since) %}
  {%- set share -%}
    select coalesce(1e2 * sum(quarantined_lines) / nullif(sum(landed_lines), 0), 0)
    from {{ ref('int_arrival__reconciled') }}
    where dt >= '{{ since }}'
  {%- endset -%}
  {{ print('quarantined_pct=' ~ run_query(share).rows[0][0]) }}
{% endmacro %}

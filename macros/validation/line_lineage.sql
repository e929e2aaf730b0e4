{% macro line_lineage() -%}
is_not_json,
  {{ parse_utc('received_at_text') }} as received_at,
  run_id_text as run_id,
  case when {{ matches('line_number_text', '^[0-9]{1,18}$') }} then try_cast(line_number_text as bigint) end as line_number,
  line,
  source_object,
  dt,
  hr
{%- endmacro %}

{% macro parsed_lines(dataset, fields) %}
  select *
  from (
    select
      {%- for field in fields %}
      {%- set value -%}record.{{ field }}{%- endset %}
      {{ json_text(value) }} as {{ field }}_text,
      {%- endfor %}
      record is null as is_not_json,
      line,
      source_object,
      dt,
      hr
    from (
      select
        line,
        source_object,
        dt,
        hr,
        {{ json_fields('line', fields) }} as record
      from {{ raw_lines(dataset) }} as raw
      where {{ new_arrivals() }}
    ) as parsed
  ) as texts
  {%- if var('as_of') %}
  -- a line without a time of receipt is judged by its hour of arrival
  where coalesce({{ parse_utc('received_at_text') }}, cast(dt || ' ' || hr || ':00:00' as {{ type_timestamp() }})) <= timestamp '{{ var("as_of") }}'
  {%- endif %}
{% endmacro %}

{% macro earliest_new_bar() %}
  {%- set earliest -%}
cast(min({{ parse_utc(json_text('record.bar_start')) }}) as date)
  {%- endset -%}
  {%- set new_bars -%}
    select cast({{ add_units(earliest, -1, 'day') }} as varchar)
    from (
      select {{ json_fields('line', ['bar_start']) }} as record
      from {{ raw_lines('bars') }} as raw
      where {{ new_arrivals() }}
    ) as parsed
  {%- endset -%}
  {{ return(run_query(new_bars).rows[0][0]) }}
{% endmacro %}

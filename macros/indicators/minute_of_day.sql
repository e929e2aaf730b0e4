{% macro minute_of_day(utc, zone) -%}
cast((
      extract(hour from {{ utc }}) * 60 + extract(minute from {{ utc }}) + 1440
      + case when {{ utc }} >= {{ zone }}.changes_at then {{ zone }}.offset_minutes_after else {{ zone }}.offset_minutes end
    ) % 1440 as integer)
{%- endmacro %}

{% macro calendar_of(listing) -%}
coalesce({{ listing }}.mic, '{{ var("default_calendar") }}')
{%- endmacro %}

{#- The exchange calendar (a MIC) of a symbol: `listing` is its row of the seed symbol, which a left join may leave empty. -#}
{% macro calendar_of(listing) -%}
coalesce({{ listing }}.mic, '{{ var("default_calendar") }}')
{%- endmacro %}

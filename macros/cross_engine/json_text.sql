{#- The text of one field of json_fields: NULL when it is missing, null, or itself an object or a list. -#}
{% macro json_text(field) %}{{ return(adapter.dispatch('json_text')(field)) }}{% endmacro %}

{% macro default__json_text(field) %}{{ unsupported_engine('json_text') }}{% endmacro %}

{% macro duckdb__json_text(field) -%}
case when not starts_with({{ field }}, '{') and not starts_with({{ field }}, '[') then {{ field }} end
{%- endmacro %}

{% macro athena__json_text(field) -%}
try_cast({{ field }} as varchar)
{%- endmacro %}

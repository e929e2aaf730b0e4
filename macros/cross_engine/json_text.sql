{% macro json_text(field) %}{{ return(adapter.dispatch('json_text')(field)) }}{% endmacro %}

{% macro default__json_text(field) %}{{ unsupported_engine('json_text') }}{% endmacro %}

{% macro duckdb__json_text(field) -%}
case when not starts_with({{ field }}, '{') and not starts_with({{ field }}, '[') then {{ field }} end
{%- endmacro %}

{% macro athena__json_text(field) -%}
case
      when regexp_like(json_format({{ field }}), '^-?[0-9]+[.][0-9]+(E(-[1-4]|[0-9]+))?$')
        then regexp_replace(try_cast(try_cast({{ field }} as decimal(38, 18)) as varchar), '([.][0-9]+?)0+$', '$1')
      when not regexp_like(json_format({{ field }}), '^("?\{|"?\[)') then try_cast({{ field }} as varchar)
    end
{%- endmacro %}

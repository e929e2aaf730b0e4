{#- Parse a JSON line once into a row of its fields, or NULL when it is not a JSON object. Read the fields with json_text. -#}
{% macro json_fields(line, fields) %}{{ return(adapter.dispatch('json_fields')(line, fields)) }}{% endmacro %}

{% macro default__json_fields(line, fields) %}{{ unsupported_engine('json_fields') }}{% endmacro %}

{% macro duckdb__json_fields(line, fields) -%}
case
      when starts_with(ltrim({{ line }}), '{')
        then try(from_json({{ line }}, '{ {%- for field in fields %}"{{ field }}":"VARCHAR"{{ "," if not loop.last }}{% endfor -%} }'))
    end
{%- endmacro %}

{% macro athena__json_fields(line, fields) -%}
try(cast(json_parse({{ line }}) as row({% for field in fields %}{{ field }} json{{ ", " if not loop.last }}{% endfor %})))
{%- endmacro %}

{% macro json_fields(line, fields) %}{{ return(adapter.dispatch('json_fields')(line, fields)) }}{% endmacro %}

{% macro default__json_fields(line, fields) %}{{ unsupported_engine('json_fields') }}{% endmacro %}

{% macro duckdb__json_fields(line, fields) -%}
{%- set extension = "(,\\s*[}\\]]|[:,\\[]\\s*-?([Nn][Aa][Nn]|[Ii][Nn][Ff]))" -%}
{%- set string = '"([^"\\\\]|\\\\.)*"' -%}
case
      when regexp_matches({{ line }}, '{{ extension }}')
        and regexp_matches(regexp_replace({{ line }}, '{{ string }}', 's', 'g'), '{{ extension }}') then null
      when starts_with(ltrim({{ line }}), '{')
        then try(from_json({{ line }}, '{ {%- for field in fields %}"{{ field }}":"VARCHAR"{{ "," if not loop.last }}{% endfor -%} }'))
    end
{%- endmacro %}

{% macro athena__json_fields(line, fields) -%}
try(cast(json_parse({{ line }}) as row({% for field in fields %}{{ field }} json{{ ", " if not loop.last }}{% endfor %})))
{%- endmacro %}

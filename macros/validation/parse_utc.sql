{% macro parse_utc(text) -%}
case
      when {{ matches(text, '^[0-9]{4}-[0-9]{2}-[0-9]{2}T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,6})?Z$') }}
        then try_cast(replace(replace({{ text }}, 'T', ' '), 'Z', '') as {{ type_timestamp() }})
    end
{%- endmacro %}

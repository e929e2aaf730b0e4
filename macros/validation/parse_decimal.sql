{% macro parse_decimal(text, precision, scale) -%}
case
      when {{ matches(text, '^-?[0-9]{1,20}([.][0-9]{1,18})?$') }} then try_cast({{ text }} as decimal({{ precision }}, {{ scale }}))
    end
{%- endmacro %}

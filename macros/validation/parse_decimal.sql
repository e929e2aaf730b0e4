{#- A decimal from text in plain notation (`-12.5`; no blanks, exponent or grouping, which the engines read differently), or
    NULL. Digits beyond the scale are rounded half up; a number too large for the type is NULL. -#}
{% macro parse_decimal(text, precision, scale) -%}
case
      when {{ matches(text, '^-?[0-9]{1,20}([.][0-9]{1,18})?$') }} then try_cast({{ text }} as decimal({{ precision }}, {{ scale }}))
    end
{%- endmacro %}

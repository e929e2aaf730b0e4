{% macro is_in_force(split, symbol, day) -%}
{{ split }}.symbol = {{ symbol }}
    and {{ split }}.kind = 'split'
    and {{ split }}.is_chosen
    and {{ split }}.effective_date <= {{ day }}
    and {{ split }}.effective_until > {{ day }}
{%- endmacro %}

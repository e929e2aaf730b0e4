{#- Whether a row of int_action__known is the split whose factor holds for a symbol on a day. -#}
{% macro is_in_force(split, symbol, day) -%}
{{ split }}.symbol = {{ symbol }}
    and {{ split }}.kind = 'split'
    and {{ split }}.is_chosen
    and {{ split }}.effective_date <= {{ day }}
    and {{ split }}.effective_until > {{ day }}
{%- endmacro %}

{#- A decimal price given in units of one split factor, in the units of another, rounded half up to the scale of prices. -#}
{% macro rescaled(price, from_factor, to_factor) -%}
cast(round(cast({{ price }} as double) * cast({{ from_factor }} as double) / cast({{ to_factor }} as double), 8) as decimal(18, 8))
{%- endmacro %}

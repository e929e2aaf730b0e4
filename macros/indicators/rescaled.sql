{% macro rescaled(price, from_factor, to_factor) -%}
cast(round(cast({{ price }} as double) * cast({{ from_factor }} as double) / cast({{ to_factor }} as double), 8) as decimal(18, 8))
{%- endmacro %}

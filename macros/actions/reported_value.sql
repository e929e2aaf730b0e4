{% macro reported_value(kind, ratio, amount) -%}
coalesce(case {{ kind }} when 'split' then cast({{ ratio }} as double) when 'dividend' then cast({{ amount }} as double) end, 0e0)
{%- endmacro %}

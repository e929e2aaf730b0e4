{% macro join_primary_series(table, bar_interval="'1day'") -%}
inner join {{ ref('dim_series') }} as series
    on series.symbol = {{ table }}.symbol
    and series.source = {{ table }}.source
    and series.bar_interval = {{ bar_interval }}
    and series.is_primary
{%- endmacro %}

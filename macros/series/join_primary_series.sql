{#- The join that keeps the rows of `table` that belong to the primary series of their symbol and interval: see dim_series.
    `bar_interval` is SQL: a column, or the literal of days. -#}
{% macro join_primary_series(table, bar_interval="'1day'") -%}
inner join {{ ref('dim_series') }} as series
    on series.symbol = {{ table }}.symbol
    and series.source = {{ table }}.source
    and series.bar_interval = {{ bar_interval }}
    and series.is_primary
{%- endmacro %}

{#- The sample standard deviation of a column of doubles over the last `rows` rows of a window (its partition and order); NULL
    with fewer values. -#}
{% macro stddev(column, rows, window) -%}
{%- set frame %}{{ window }} rows between {{ rows - 1 }} preceding and current row{% endset -%}
case when count({{ column }}) over ({{ frame }}) = {{ rows }} then stddev_samp({{ column }}) over ({{ frame }}) end
{%- endmacro %}

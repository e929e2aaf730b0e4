{% macro stddev(column, rows, window) -%}
{%- set frame %}{{ window }} rows between {{ rows - 1 }} preceding and current row{% endset -%}
case when count({{ column }}) over ({{ frame }}) = {{ rows }} then stddev_samp({{ column }}) over ({{ frame }}) end
{%- endmacro %}

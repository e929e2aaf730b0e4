{#- The merge key of every mart at the grain of fct_bar; bar_date is the partition column and follows from the others. -#}
{% macro bar_key() %}
  {{ return(['symbol', 'bar_interval', 'source', 'bar_start_at', 'bar_date']) }}
{% endmacro %}

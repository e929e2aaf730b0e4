{#- BUY on the bar where the mean of 5 closes is above the mean of 20 and was not one bar before; SELL where it is below and was
    not; else HOLD; NULL until both means are known on both bars. Equal means are neither above nor below. The arguments are
    the sums of the closes, exact decimals: the means are compared as sum_5 * 4 with sum_20, without rounding. -#}
{% macro crossover(sum_5, sum_20) -%}
{%- set is_above %}{{ sum_5 }} * 4 > {{ sum_20 }}{% endset -%}
{%- set is_below %}{{ sum_5 }} * 4 < {{ sum_20 }}{% endset -%}
{%- set bar_before = series_window() -%}
case
      when lag({{ is_above }}) over ({{ bar_before }}) is null then null
      when {{ is_above }} and not lag({{ is_above }}) over ({{ bar_before }}) then 'BUY'
      when {{ is_below }} and not lag({{ is_below }}) over ({{ bar_before }}) then 'SELL'
      else 'HOLD'
    end
{%- endmacro %}

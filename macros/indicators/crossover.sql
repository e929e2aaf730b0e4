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

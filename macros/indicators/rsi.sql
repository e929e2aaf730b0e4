{#- Wilder's relative strength index, 0 to 100, of his averages of gains and losses; NULL while they are. After a long flat
    stretch both averages are rounding residue of old bars, and their ratio means nothing: where their sum is at most 1e-8 of the
    price, the index is 100. -#}
{% macro rsi(average_gain, average_loss, price) -%}
case
    when {{ average_gain }} is null then null
    when {{ average_gain }} + {{ average_loss }} <= 1e-8 * {{ price }} then 100e0
    else 100e0 * {{ average_gain }} / ({{ average_gain }} + {{ average_loss }})
  end
{%- endmacro %}

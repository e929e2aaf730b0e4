{#- The relative strength index of Wilder's average gain and loss. After a long flat stretch both averages are dust of old bars,
    and their ratio means nothing: up to 1e-8 of the price together, the index is 100. -#}
{% macro strength(average_gain, average_loss, price) -%}
case
    when {{ average_gain }} is null then null
    when {{ average_gain }} + {{ average_loss }} <= 1e-8 * {{ price }} then 100e0
    else 100e0 * {{ average_gain }} / ({{ average_gain }} + {{ average_loss }})
  end
{%- endmacro %}

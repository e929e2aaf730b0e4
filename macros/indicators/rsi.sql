{% macro rsi(average_gain, average_loss, price) -%}
case
    when {{ average_gain }} is null then null
    when {{ average_gain }} + {{ average_loss }} <= 1e-8 * {{ price }} then 100e0
    else 100e0 * {{ average_gain }} / ({{ average_gain }} + {{ average_loss }})
  end
{%- endmacro %}

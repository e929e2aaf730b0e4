{% macro set_lookback(lookback, dates=0) %}
  {%- do model.update({'lookback': lookback, 'lookback_dates': dates}) -%}
{% endmacro %}

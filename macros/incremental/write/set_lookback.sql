{#- Keep a mart's lookback where the macros that its SQL calls can read it: model.lookback and model.lookback_dates. `model` is the
    context of the one node that is being rendered, also of a unit test, whose node has none of the mart's configuration. -#}
{% macro set_lookback(lookback, dates=0) %}
  {%- do model.update({'lookback': lookback, 'lookback_dates': dates}) -%}
{% endmacro %}

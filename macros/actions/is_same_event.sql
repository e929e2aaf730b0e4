{#- Whether two reports of a symbol's splits (value: ratio) or dividends (value: amount) are of one event: they name one day, or
    equal values at most three days apart, since vendors differ on what they call the effective date over a weekend. -#}
{% macro is_same_event(better, worse, value) -%}
(
      {{ better }}.effective_date = {{ worse }}.effective_date
      or (
        {{ better }}.effective_date >= {{ add_units(worse ~ '.effective_date', -3, 'day') }}
        and {{ better }}.effective_date <= {{ add_units(worse ~ '.effective_date', 3, 'day') }}
        and abs(cast({{ better }}.{{ value }} as double) - cast({{ worse }}.{{ value }} as double))
        <= 1e-6 * cast({{ worse }}.{{ value }} as double)
      )
    )
{%- endmacro %}

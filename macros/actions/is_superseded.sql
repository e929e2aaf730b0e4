{#- Whether a better source (the lesser `priority`) reports the same event: it names the same day, or an equal value (of splits the
    ratio, of dividends the amount) at most three days apart, since vendors differ on what they call the effective date over a
    weekend. Equal is to about a millionth. Windows, not a self-join: Athena plans a CTE again wherever it is named, and a
    query of more than 150 stages is refused. -#}
{% macro is_superseded(value) -%}
priority > least(
        min(priority) over (partition by symbol, kind, effective_date),
        min(priority) over (
          partition by symbol, kind, round(ln(nullif(cast({{ value }} as double), 0)), 6) order by effective_date
          range between interval '3' day preceding and interval '3' day following
        )
      )
{%- endmacro %}

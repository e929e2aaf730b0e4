{% macro is_superseded(value) -%}
priority > least(
        min(priority) over (partition by symbol, kind, effective_date),
        min(priority) over (
          partition by symbol, kind, round(ln(nullif(cast({{ value }} as double), 0)), 6) order by effective_date
          range between interval '3' day preceding and interval '3' day following
        )
      )
{%- endmacro %}

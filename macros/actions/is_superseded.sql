{% macro is_superseded(value) -%}
{%- set near -%}
partition by symbol, kind, is_withdrawn, round(ln(nullif(cast({{ value }} as double), 0)), 6) order by session_number
          range between 3 preceding and 3 following
{%- endset -%}
(
        source_rank > min(source_rank) over (partition by symbol, kind, is_withdrawn, effective_date)
        or (
          preference > min(preference) over ({{ near }})
          -- two rows of a seed are two events
          and (priority > 1 or source_rank > min(source_rank) over ({{ near }}))
        )
      )
{%- endmacro %}

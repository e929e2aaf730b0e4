{% macro session_number(day, exchange, closed) -%}
{%- set midnight -%}cast({{ day }} as {{ type_timestamp() }}){%- endset -%}
{#- a Monday -#}
{%- set days -%}
(cast({{ minutes_between("timestamp '2000-01-03 00:00:00'", midnight) }} as double) / 1440)
{%- endset -%}
cast(case
      when {{ exchange }}.is_continuous then {{ days }}
      else floor({{ days }} / 7) * 5 + least({{ days }} - floor({{ days }} / 7) * 7, 5) - coalesce({{ closed }}.closed_days, 0)
    end as bigint)
{%- endmacro %}

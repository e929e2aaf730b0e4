{% macro minutes_between(earlier, later) %}{{ return(adapter.dispatch('minutes_between')(earlier, later)) }}{% endmacro %}

{% macro default__minutes_between(earlier, later) %}{{ unsupported_engine('minutes_between') }}{% endmacro %}

{% macro duckdb__minutes_between(earlier, later) -%}
date_diff('minute', {{ earlier }}, {{ later }})
{%- endmacro %}

{% macro athena__minutes_between(earlier, later) -%}
date_diff('minute', {{ earlier }}, {{ later }})
{%- endmacro %}

{#- The type of unbounded text in table definitions. -#}
{% macro type_text() %}{{ return(adapter.dispatch('type_text')()) }}{% endmacro %}

{% macro default__type_text() %}{{ unsupported_engine('type_text') }}{% endmacro %}

{% macro duckdb__type_text() -%}
varchar
{%- endmacro %}

{% macro athena__type_text() -%}
string
{%- endmacro %}

{% macro quote_text(text) -%}
'{{ text | replace("'", "''") }}'
{%- endmacro %}

{% macro arrival_part(source_object, part) -%}
regexp_extract({{ source_object }}, '{{ part }}=([0-9-]+)', 1)
{%- endmacro %}

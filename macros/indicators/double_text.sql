{% macro double_text(number) %}{{ return('%.17e' | format(number)) }}{% endmacro %}

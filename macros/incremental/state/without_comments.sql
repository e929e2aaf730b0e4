{% macro without_comments(text) %}
  {%- set lines = [] -%}
  {%- for line in text.splitlines() if line.strip() and not line.strip().startswith('--') -%}
    {%- do lines.append(line.strip()) -%}
  {%- endfor -%}
  {{ return(lines | join('\n')) }}
{% endmacro %}

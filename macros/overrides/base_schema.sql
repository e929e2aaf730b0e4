{% macro base_schema() -%}
  {{ return(target.schema ~ ('_as_of' if var('as_of') else '')) }}
{%- endmacro %}

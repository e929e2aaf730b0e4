{#- The target's schema; with var('as_of') another one, so that a look back touches no table and no record of the present. -#}
{% macro base_schema() -%}
  {{ return(target.schema ~ ('_as_of' if var('as_of') else '')) }}
{%- endmacro %}

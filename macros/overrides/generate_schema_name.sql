{#- dbt's own hook for schema names: <target schema>_<custom schema>, as dbt does by default; the models of a build with
    var('as_of') go to <target schema>_as_of_<custom schema>, so that it leaves the present alone. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
  {%- set is_as_of = var('as_of') and node.resource_type == 'model' -%}
  {%- set names = [target.schema, 'as_of' if is_as_of else none, custom_schema_name | trim if custom_schema_name else none] -%}
  {{ return(names | select | join('_')) }}
{%- endmacro %}

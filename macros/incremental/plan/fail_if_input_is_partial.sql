{% macro fail_if_input_is_partial(records) %}
  {%- if (flags.EMPTY or invocation_args_dict.get('sample')) and records -%}
    {{ exceptions.raise_compiler_error(
      "--empty and --sample would rebuild tables from no input in a schema that holds data: use another --target or "
      ~ "schema for them") }}
  {%- endif -%}
  {%- if var('as_of') and not flags.FULL_REFRESH -%}
    {{ exceptions.raise_compiler_error("var as_of rebuilds the past from the whole raw zone: add --full-refresh") }}
  {%- endif -%}
{% endmacro %}

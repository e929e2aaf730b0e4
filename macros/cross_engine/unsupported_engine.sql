{% macro unsupported_engine(macro_name) -%}
  {{ exceptions.raise_compiler_error(
    "macro '" ~ macro_name ~ "' has no version for adapter '" ~ target.type ~ "': use a target of type duckdb or athena, "
    ~ "or write " ~ target.type ~ "__" ~ macro_name ~ " in macros/cross_engine/" ~ macro_name ~ ".sql") }}
{%- endmacro %}

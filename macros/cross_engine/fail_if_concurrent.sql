{% macro fail_if_concurrent() %}{{ return(adapter.dispatch('fail_if_concurrent')()) }}{% endmacro %}

{% macro default__fail_if_concurrent() %}{{ unsupported_engine('fail_if_concurrent') }}{% endmacro %}

{% macro duckdb__fail_if_concurrent() %}
  {%- set threads = invocation_args_dict.get('threads') or target.threads -%}
  {%- if threads | int > 1 -%}
    {{ exceptions.raise_compiler_error(
      "threads is " ~ threads ~ ": DuckLake loses tables that two threads create at once; leave out --threads, or write threads: 1 "
      ~ "in profiles.yml (DuckDB itself uses every core)") }}
  {%- endif -%}
{% endmacro %}

{% macro athena__fail_if_concurrent() %}{% endmacro %}

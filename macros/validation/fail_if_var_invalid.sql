{% macro fail_if_var_invalid() %}
  {%- set rules = var_rules() -%}
  {%- for name, rule in rules.items() -%}
    {%- set problem = var_problem(var(name), rule) -%}
    {%- if problem -%}{{ exceptions.raise_compiler_error("var " ~ name ~ " is '" ~ var(name) ~ "': " ~ problem) }}{%- endif -%}
  {%- endfor -%}
  {%- for name in (invocation_args_dict.get('vars') or {}) if name not in rules -%}
    {{ exceptions.raise_compiler_error("var '" ~ name ~ "' is unknown: choose one of " ~ rules | join(', ')) }}
  {%- endfor -%}
{% endmacro %}

{% materialization clone, default %}
  {{ exceptions.raise_compiler_error(
    "dbt clone is not supported: a clone is a view, and the models' hooks write into their tables; build in another TICKERLAKE_LAKE "
    ~ "or TICKERLAKE_SCHEMA, or use --defer") }}
{% endmaterialization %}

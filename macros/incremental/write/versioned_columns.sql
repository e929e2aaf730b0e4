{% macro versioned_columns() %}
  {{ return(model.versioned or model.config.meta.versioned) }}
{% endmacro %}

{% macro at_version(relation, version) %}{{ return(adapter.dispatch('at_version')(relation, version)) }}{% endmacro %}

{% macro default__at_version(relation, version) %}{{ unsupported_engine('at_version') }}{% endmacro %}

{% macro duckdb__at_version(relation, version) %}{{ relation }}{% endmacro %}

{% macro athena__at_version(relation, version) %}{{ relation }}{% if version %} for version as of {{ version }}{% endif %}{% endmacro %}

{% macro audit_relation(identifier) %}
  {{ return(api.Relation.create(
    database=warehouse_database(), schema=base_schema() ~ '_audit', identifier=identifier, type='table')) }}
{% endmacro %}

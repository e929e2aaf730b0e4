{% macro release_lease(holder=none) %}{{ return(adapter.dispatch('release_lease')(holder or invocation_id)) }}{% endmacro %}

{% macro default__release_lease(holder) %}{{ unsupported_engine('release_lease') }}{% endmacro %}

{% macro duckdb__release_lease(holder) %}{% endmacro %}

{% macro athena__release_lease(holder) %}
  {%- set expire -%}
    update {{ audit_relation('run_lease') }} set expires_at = timestamp '1970-01-01 00:00:00.000000' where holder = '{{ holder }}'
  {%- endset -%}
  {%- do run_query(expire) -%}
{% endmacro %}

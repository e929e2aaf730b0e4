{#- Refuse to start while another run is under way. On one machine the catalogue file admits one process, which is the
    lease, and ends with it. On Athena one row of run_lease is taken by a conditional merge: of two that conflict one
    commits; it expires after var('lease_minutes'), so that a killed run blocks nobody for ever. -#}
{% macro acquire_lease() %}{{ return(adapter.dispatch('acquire_lease')()) }}{% endmacro %}

{% macro default__acquire_lease() %}{{ unsupported_engine('acquire_lease') }}{% endmacro %}

{% macro duckdb__acquire_lease() %}{% endmacro %}

{% macro athena__acquire_lease() %}
  {%- set lease = audit_relation('run_lease') -%}
  {%- do run_query(create_audit_table(lease, {'holder': 'text', 'expires_at': 'timestamp'})) -%}
  {%- set until = current_utc() ~ " + interval '" ~ var('lease_minutes') ~ "' minute" -%}
  {%- do run_query(
    "merge into " ~ lease ~ " as target using (select 1 as one) as src on true"
    ~ " when matched and target.expires_at < " ~ current_utc() ~ " then update set holder = '" ~ invocation_id ~ "', expires_at = " ~ until
    ~ " when not matched then insert (holder, expires_at) values ('" ~ invocation_id ~ "', " ~ until ~ ")") -%}
  {%- set held = run_query("select holder, cast(expires_at as varchar) from " ~ lease).rows[0] -%}
  {%- if held[0] != invocation_id -%}
    {{ exceptions.raise_compiler_error("another run (" ~ held[0] ~ ") holds the lease until " ~ held[1] ~ " UTC: wait for it, or, if it was killed, `dbt run-operation release_lease --args '{holder: " ~ held[0] ~ "}'`") }}
  {%- endif -%}
{% endmacro %}

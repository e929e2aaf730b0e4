{% macro acquire_lease() %}{{ return(adapter.dispatch('acquire_lease')()) }}{% endmacro %}

{% macro default__acquire_lease() %}{{ unsupported_engine('acquire_lease') }}{% endmacro %}

{% macro duckdb__acquire_lease() %}{% endmacro %}

{% macro athena__acquire_lease() %}
  {%- set lease = audit_relation('run_lease') -%}
  {%- do run_query(create_audit_table(lease, {'holder': 'text', 'expires_at': 'timestamp'})) -%}
  {%- set take_lease -%}
    merge into {{ lease }} as target
    using (select 1 as one) as src on true
    when matched and target.expires_at < {{ current_utc() }} then update set
      holder = '{{ invocation_id }}', expires_at = {{ current_utc() }} + interval '{{ var("lease_minutes") }}' minute
    when not matched then insert (holder, expires_at)
      values ('{{ invocation_id }}', {{ current_utc() }} + interval '{{ var("lease_minutes") }}' minute)
  {%- endset -%}
  {%- do run_query(take_lease) -%}
  {%- set query -%}
    select holder, cast(expires_at as varchar) from {{ lease }}
  {%- endset -%}
  {%- set holder, expires_at = run_query(query).rows[0] -%}
  {%- if holder != invocation_id -%}
    {{ exceptions.raise_compiler_error("another run (" ~ holder ~ ") holds the lease until " ~ expires_at ~ " UTC: wait for it, or, if it was killed, `dbt run-operation release_lease --args '{holder: " ~ holder ~ "}'`") }}
  {%- endif -%}
{% endmacro %}

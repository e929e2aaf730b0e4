{% macro fail_if_raw_incomplete(name, stored_rows) %}
  {%- set dataset = {'fct_bar': 'bars', 'fct_daily_bar': 'daily_bars', 'int_action__known': 'corporate_actions'}[name] -%}
  {%- set content = {'fct_bar': 'bars', 'fct_daily_bar': 'days', 'int_action__known': 'events'}[name] -%}
  {%- set earliest_stored -%}
    select min(nullif(regexp_extract(source_object, '{{ dataset }}/dt=([0-9-]{10})', 1), '')) from {{ stored_rows }}
  {%- endset -%}
  {%- set stored = run_query(earliest_stored).rows[0][0] -%}
  {%- set landed = run_query(first_arrival_date(dataset)).rows[0][0] if stored else none -%}
  {%- if stored and (not landed or landed > stored) -%}
    {{ exceptions.raise_compiler_error(
      "raw begins on " ~ (landed or 'no day at all') ~ " but " ~ name ~ " holds " ~ content ~ " that arrived on " ~ stored
      ~ ": to build it again would lose them. Restore raw/" ~ dataset ~ " from " ~ stored ~ " on, or run without --full-refresh and with "
      ~ "--vars '{postpone_restatement: true}'") }}
  {%- endif -%}
{% endmacro %}

{% macro earliest_unconsumed(records) %}
  {%- set released = records.get('release', {}).get('batch_id', 0) -%}
  {%- set unconsumed -%}
    select cast(min(earliest) as varchar)
    from (
      select min(bar_date) as earliest
      from {{ model_relation('fct_bar') }}
      where batch_id > {{ [published_batch(records), released] | min }}
      union all
      select min(effective_date)
      from {{ model_relation('int_action__known') }}
      where kind = 'split' and batch_id > {{ records.get('fct_bar', {}).get('batch_id', 0) }}
    ) as dates
  {%- endset -%}
  {{ return(run_query(unconsumed).rows[0][0]) }}
{% endmacro %}

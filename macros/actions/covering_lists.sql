{% macro covering_lists() %}
      select symbol, kind, source, first_date, last_date, received_at, run_id
      from (
        select
          *,
          row_number() over (
            partition by symbol, kind, source, first_date, last_date order by received_at desc, run_id desc
          ) as list_rank
        from {{ ref('int_action__list') }}
      ) as lists
      where list_rank = 1
{%- endmacro %}

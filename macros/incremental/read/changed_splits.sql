{% macro changed_splits(consumed) -%}
  select symbol as split_symbol, min(effective_date) as split_date
  from {{ ref('int_action__known') }}
  where batch_id > {{ consumed }} and kind = 'split'
  group by symbol
{%- endmacro %}

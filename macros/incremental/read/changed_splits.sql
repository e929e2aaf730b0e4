{#- One row per symbol with a split learned, changed or withdrawn after batch `consumed`: split_date is the earliest one. -#}
{% macro changed_splits(consumed) -%}
  select symbol as split_symbol, min(effective_date) as split_date
  from {{ ref('int_action__known') }}
  where batch_id > {{ consumed }} and kind = 'split'
  group by symbol
{%- endmacro %}

{#- One row per symbol with a split learned, changed or withdrawn after batch `consumed`: the earliest date it touches. -#}
{% macro changed_splits(consumed) -%}
  select symbol, min(effective_date) as effective_date
  from {{ ref('int_action__known') }}
  where batch_id > {{ consumed }} and kind = 'split'
  group by symbol
{%- endmacro %}

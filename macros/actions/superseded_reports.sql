{#- The reports of a kind that a better source has of the same event: symbol, effective_date, source. `value` is the column that
    tells events apart: ratio of splits, amount of dividends. -#}
{% macro superseded_reports(reports, kind, value) %}
  select
    worse.symbol,
    worse.effective_date,
    worse.source
  from {{ reports }} as worse
  inner join {{ reports }} as better
    on better.symbol = worse.symbol
    and better.kind = worse.kind
    and better.priority < worse.priority
    and {{ is_same_event('better', 'worse', value) }}
  where worse.kind = '{{ kind }}'
  group by worse.symbol, worse.effective_date, worse.source
{% endmacro %}

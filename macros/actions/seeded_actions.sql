{% macro seeded_actions() %}
    select
      override.symbol, override.kind, override.effective_date, 'override' as source,
      cast(override.new_shares as double) / cast(override.old_shares as double) as ratio, override.amount,
      case when override.kind = 'dividend' then coalesce(override.currency, instrument.currency, 'USD') else override.currency end as currency,
      override.reason, 0 as priority,
      {{ reported_value('override.kind', 'cast(override.new_shares as double) / cast(override.old_shares as double)', 'override.amount') }} as reported_value
    from {{ ref('corporate_action_override') }} as override
    left join {{ ref('symbol') }} as instrument on instrument.symbol = override.symbol
    union all
    select
      symbol, 'split' as kind, effective_date, 'seed' as source,
      cast(new_shares as double) / cast(old_shares as double) as ratio, cast(null as decimal(18, 8)) as amount,
      cast(null as varchar) as currency, cast(null as varchar) as reason, 1 as priority,
      cast(new_shares as double) / cast(old_shares as double) as reported_value
    from {{ ref('split') }}
{% endmacro %}

{% macro seeded_actions() %}
    select symbol, kind, effective_date, 'override' as source,
      cast(new_shares as double) / cast(old_shares as double) as ratio, amount, currency, reason, 0 as priority
    from {{ ref('corporate_action_override') }}
    union all
    select symbol, 'split' as kind, effective_date, 'seed' as source,
      cast(new_shares as double) / cast(old_shares as double) as ratio, cast(null as decimal(18, 8)) as amount,
      cast(null as varchar) as currency, cast(null as varchar) as reason, 1 as priority
    from {{ ref('split') }}
{% endmacro %}

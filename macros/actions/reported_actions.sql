{% macro reported_actions() %}
  {%- set lineage = versioned_columns().version | join(', ') %}
  {%- set no_lineage -%}
    cast(null as {{ type_timestamp() }}) as received_at, cast(null as varchar) as run_id,
    cast(null as bigint) as line_number, cast(null as varchar) as source_object
  {%- endset -%}
  {%- set content = ['symbol', 'kind', 'effective_date', 'source', 'reported_value', 'ratio', 'amount', 'currency', 'reason'] %}
  select
    {{ columns_of('newest', content + versioned_columns().version) }},
    case newest.source
      {%- for source in var('source_priority') %}
      when '{{ source }}' then {{ loop.index + 1 }}
      {%- endfor %}
      else {{ var('source_priority') | length + 2 }}
    end as priority,
    feed.price_basis = 'split_adjusted' as is_split_adjusted,
    -- a later list of the vendor covers the date and does not hold the event
    count(list.symbol) > 0 as is_withdrawn
  from (
    select
      *,
      row_number() over (
        partition by symbol, kind, effective_date, source, reported_value order by {{ newest_first() }}
      ) as version_rank
    from (
      select
        symbol, period as kind, event_date as effective_date, source, {{ reported_value('period', 'ratio', 'amount') }} as reported_value,
        cast(ratio as double) as ratio, amount, currency, cast(null as varchar) as reason, {{ lineage }}
      from {{ ref('int_line__validated') }}
      where dataset = 'corporate_actions' and reasons = ''
      {%- if is_incremental() %}
      union all
      select symbol, kind, effective_date, source, reported_value, ratio, reported_amount, currency, reason, {{ lineage }}
      from {{ this }}
      where source_object is not null
      {%- endif %}
    ) as versions
  ) as newest
  inner join {{ ref('source') }} as feed on feed.source = newest.source
  left join ({{ covering_lists() }}) as list
    on {{ is_same_key('list', 'newest', ['symbol', 'kind', 'source']) }}
    and newest.effective_date between list.first_date and list.last_date
    and (list.received_at, list.run_id) > (newest.received_at, newest.run_id)
  where newest.version_rank = 1
  group by {{ columns_of('newest', content + versioned_columns().version) }}, feed.price_basis
  union all
  select
    {{ content | join(', ') }}, {{ no_lineage }}, priority, false as is_split_adjusted, false as is_withdrawn
  from ({{ seeded_actions() }}) as seeded
  {%- if is_incremental() %}
  union all
  select
    stored.symbol, stored.kind, stored.effective_date, stored.source, stored.reported_value, stored.ratio, stored.reported_amount,
    stored.currency, stored.reason, {{ no_lineage }}, 999 as priority, false as is_split_adjusted, true as is_withdrawn
  from {{ this }} as stored
  left join ({{ seeded_actions() }}) as seeded on {{ is_same_key('seeded', 'stored', versioned_columns().key) }}
  where stored.source_object is null and seeded.symbol is null
  {%- endif %}
{% endmacro %}

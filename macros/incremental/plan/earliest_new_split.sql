{% macro earliest_new_split() %}
  {%- set effective_date = parse_date(json_text('parsed.record.effective_date')) -%}
  {%- set earliest -%}cast({{ add_units('min(event.effective_date)', -14, 'day') }} as varchar){%- endset -%}
  {%- set new_splits -%}
    with fresh as (
      select
        {{ json_text('parsed.record.symbol') }} as symbol,
        {{ json_text('parsed.record.source') }} as source,
        {{ json_text('parsed.record.run_id') }} as run_id,
        {{ json_text('parsed.record.received_at') }} as received_at,
        {{ effective_date }} as effective_date,
        try_cast({{ json_text('parsed.record.ratio') }} as double) as ratio
      from (
        select {{ json_fields('line', ['symbol', 'source', 'kind', 'effective_date', 'ratio', 'run_id', 'received_at']) }} as record
        from {{ raw_lines('corporate_actions') }} as raw
        where {{ new_arrivals() }}
      ) as parsed
      where {{ json_text('parsed.record.kind') }} = 'split'
    )
    select {{ earliest }}
    from (
      select fresh.effective_date
      from fresh
      left join {{ model_relation('int_action__known') }} as known
        on known.symbol = fresh.symbol
        and known.kind = 'split'
        and not known.is_withdrawn
        and known.effective_date = fresh.effective_date
        and known.ratio = fresh.ratio
      where known.symbol is null
      union all
      -- what a new list covers and does not hold
      select known.effective_date
      from {{ model_relation('int_action__known') }} as known
      inner join (
        select symbol, source, run_id, received_at, min(effective_date) as first_date, max(effective_date) as last_date
        from fresh
        group by symbol, source, run_id, received_at
      ) as list
        on list.symbol = known.symbol
        and list.source = known.source
        and list.first_date <= known.effective_date
        and list.last_date >= known.effective_date
      left join fresh
        on fresh.symbol = list.symbol
        and fresh.source = list.source
        and fresh.run_id = list.run_id
        and fresh.received_at = list.received_at
        and fresh.effective_date = known.effective_date
        and fresh.ratio = known.ratio
      where known.kind = 'split'
        and known.is_chosen
        and fresh.symbol is null
    ) as event
  {%- endset -%}
  {{ return(run_query(new_splits).rows[0][0]) }}
{% endmacro %}

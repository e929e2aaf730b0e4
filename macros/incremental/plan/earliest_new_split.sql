{% macro earliest_new_split() %}
  {%- set effective_date = parse_date(json_text('fresh.record.effective_date')) -%}
  {%- set new_splits -%}
    select cast(min({{ effective_date }}) as varchar)
    from (
      select {{ json_fields('line', ['symbol', 'kind', 'effective_date', 'ratio']) }} as record
      from {{ raw_lines('corporate_actions') }} as raw
      where {{ new_arrivals() }}
    ) as fresh
    left join {{ model_relation('int_action__known') }} as known
      on known.symbol = {{ json_text('fresh.record.symbol') }}
      and known.kind = 'split'
      and known.effective_date = {{ effective_date }}
      and known.ratio = try_cast({{ json_text('fresh.record.ratio') }} as double)
    where {{ json_text('fresh.record.kind') }} = 'split' and known.symbol is null
  {%- endset -%}
  {{ return(run_query(new_splits).rows[0][0]) }}
{% endmacro %}

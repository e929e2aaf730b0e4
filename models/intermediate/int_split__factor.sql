{{ config(
  materialized='incremental',
  unique_key=['symbol', 'effective_date'],
  meta={'consumes': [], 'seeds': ['split'], 'vars': []}
) }}

with announced as (

  select
    symbol,
    effective_date,
    cast(new_shares as double) / cast(old_shares as double) as ratio
  from {{ ref('split') }}
  {%- if is_incremental() %}
  -- a split that left the table stays as one of ratio 1: a merge cannot delete
  union all
  select
    gone.symbol,
    gone.effective_date,
    1e0 as ratio
  from {{ this }} as gone
  left join {{ ref('split') }} as present
    on present.symbol = gone.symbol
    and present.effective_date = gone.effective_date
  where present.symbol is null
  {%- endif %}

),

accumulated as (

  select
    symbol,
    effective_date,
    coalesce(
      lead(effective_date) over (partition by symbol order by effective_date), date '9999-12-31'
    ) as effective_until,
    cast(round(exp(sum(ln(ratio)) over (partition by symbol order by effective_date)), 10) as decimal(18, 10)) as split_factor
  from announced

)

select
  accumulated.symbol,
  accumulated.effective_date,
  accumulated.effective_until,
  accumulated.split_factor,
  {{ batch_id() }} as batch_id
from accumulated
{%- if is_incremental() %}
left join {{ this }} as stored
  on stored.symbol = accumulated.symbol
  and stored.effective_date = accumulated.effective_date
where stored.symbol is null
  or stored.effective_until <> accumulated.effective_until
  or stored.split_factor <> accumulated.split_factor
{%- endif %}

-- a dividend that repeats a split of its day is no event of its own: see suspect_corporate_action
with duplicates_split as (

  select
    symbol,
    effective_date,
    currency
  from {{ ref('suspect_corporate_action') }}
  where reason = 'duplicates_split'
  group by symbol, effective_date, currency

)

select
  action.symbol,
  action.kind,
  action.effective_date,
  row_number() over (
    partition by action.symbol, action.kind, action.effective_date order by action.reported_value
  ) as event_number,
  action.source,
  action.ratio,
  action.amount,
  action.currency,
  action.split_factor as price_factor,
  1e0 / cast(action.split_factor as double) as volume_factor,
  action.effective_until,
  action.reason
from {{ ref('int_action__known') }} as action
left join duplicates_split
  on duplicates_split.symbol = action.symbol
  and duplicates_split.effective_date = action.effective_date
  and duplicates_split.currency = action.currency
  and action.kind = 'dividend'
where action.is_chosen
  and duplicates_split.symbol is null

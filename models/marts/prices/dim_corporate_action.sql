select
  symbol,
  kind,
  effective_date,
  source,
  ratio,
  amount,
  currency,
  split_factor as price_factor,
  1e0 / cast(split_factor as double) as volume_factor,
  effective_until,
  reason
from {{ ref('int_action__known') }}
where is_chosen

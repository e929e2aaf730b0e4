{{ config(severity='warn') }}

select
  symbol,
  kind,
  effective_date,
  reason,
  source,
  reported,
  price_move
from {{ ref('suspect_corporate_action') }}

{{ config(materialized='view') }}

with days as (

  select
    *,
    cast(close as double) as price,
    lag(session_date) over series as session_before,
    cast(lag(close) over series as double) as close_before,
    cast(lag(close) over series as double) * cast(lag(split_factor) over series as double)
    / nullif(cast(split_factor as double), 0) as price_before
  from {{ ref('fct_daily_bar') }}
  window series as (partition by symbol, source order by session_date)

),

events as (

  select
    symbol,
    kind,
    effective_date,
    currency,
    min(source) as source,
    exp(sum(ln(ratio))) as ratio,
    cast(sum(amount) as double) as amount
  from {{ ref('int_action__known') }}
  where is_chosen
  group by symbol, kind, effective_date, currency

),

-- a close of more than ten days before says nothing of the day
compared as (

  select
    event.*,
    day.source as price_source,
    day.currency as price_currency,
    day.price_basis,
    day.dividend,
    day.price,
    case when day.session_before >= {{ add_units('day.session_date', -10, 'day') }} then nullif(day.close_before, 0) end as close_before,
    case when day.session_before >= {{ add_units('day.session_date', -10, 'day') }} then nullif(day.price_before, 0) end as price_before
  from events as event
  inner join days as day
    on day.symbol = event.symbol
    and day.session_date = event.effective_date
  where day.price_basis <> 'total_return_adjusted'

),

moves as (

  select
    *,
    -- the day's move without the event and with it, as logarithms
    case kind when 'split' then ln(price / close_before) else ln(price / price_before) end as plain_move,
    case kind when 'split' then ln(price / price_before) else ln((price + cast(dividend as double)) / price_before) end as adjusted_move
  from compared

),

judged as (

  select
    *,
    case
      when kind = 'dividend' and amount > 0 and dividend = 0 and currency <> price_currency then 'other_currency'
      when kind = 'dividend' and amount > 0 and dividend = 0 then 'duplicates_split'
      when kind = 'dividend' and cast(dividend as double) >= price_before then 'exceeds_price'
      when (kind = 'dividend' or price_basis = 'raw')
        and abs(adjusted_move) > abs(plain_move)
        and abs(adjusted_move) > ln(1 + {{ var('suspect_move_pct') }} / 100e0)
        then 'contradicts_price'
    end as reason
  from moves

)

select
  symbol,
  kind,
  effective_date,
  price_source,
  coalesce(currency, price_currency) as currency,
  reason,
  source,
  case kind when 'split' then ratio else amount end as reported,
  case kind when 'split' then close_before / price else price_before - price end as price_move,
  price_before as previous_close,
  price as close,
  price_currency,
  reason = 'contradicts_price' as is_applied
from judged
where reason is not null

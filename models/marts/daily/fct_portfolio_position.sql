{%- set position = 'partition by portfolio, symbol, opened_on order by session_date' %}

with holdings as (

  select
    position.portfolio,
    position.symbol,
    position.opened_on,
    position.quantity,
    bar.session_date,
    bar.close,
    bar.dividend,
    bar.split_factor,
    first_value(bar.split_factor) over (
      partition by position.portfolio, position.symbol, position.opened_on order by bar.session_date
    ) as opening_factor
  from {{ ref('position') }} as position
  inner join {{ ref('fct_daily_bar') }} as bar
    on bar.symbol = position.symbol
    and bar.session_date >= position.opened_on
    and bar.session_date <= coalesce(position.closed_on, date '9999-12-31')
  {{ join_primary_series('bar') }}

),

-- splits change the number of shares, not the value
values_by_session as (

  select
    *,
    cast(quantity as double) * cast(split_factor as double) / cast(opening_factor as double) as shares,
    cast(quantity as double) * cast(split_factor as double) / cast(opening_factor as double) * cast(close as double) as value
  from holdings

),

profits as (

  select
    *,
    lag(value) over ({{ position }}) as value_before,
    -- a dividend no less than the close before it is not counted: see suspect_corporate_action
    coalesce(
      value + case
        when abs(shares * cast(dividend as double)) < abs(lag(value) over ({{ position }})) then shares * cast(dividend as double)
        else 0
      end - lag(value) over ({{ position }}),
      0
    ) as daily_profit
  from values_by_session

)

select
  portfolio,
  symbol,
  opened_on,
  session_date,
  shares,
  close,
  value,
  value_before,
  value / sum(value) over (partition by portfolio, session_date) as weight,
  daily_profit,
  sum(daily_profit) over ({{ position }} rows between unbounded preceding and current row) as profit
from profits

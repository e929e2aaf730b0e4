{%- set sessions = var('value_at_risk_sessions') %}
{%- set history = 'partition by portfolio order by session_date rows between unbounded preceding and current row' %}

with days as (

  select
    portfolio,
    session_date,
    count(*) as positions,
    sum(value) as value,
    sum(daily_profit) as daily_profit,
    sum(case when value_before is not null then daily_profit end) / nullif(sum(value_before), 0) as daily_return
  from {{ ref('fct_portfolio_position') }}
  group by portfolio, session_date

),

levels as (

  select
    *,
    sum(daily_profit) over ({{ history }}) as profit,
    exp(sum(ln(1 + coalesce(daily_return, 0))) over ({{ history }})) as level,
    count(daily_return) over ({{ history }}) as return_number
  from days

),

-- the last returns of each day, the worst first
ranked as (

  select
    now.portfolio,
    now.session_date,
    past.daily_return,
    row_number() over (partition by now.portfolio, now.session_date order by past.daily_return) as worst
  from levels as now
  inner join levels as past
    on past.portfolio = now.portfolio
    and past.daily_return is not null
    and past.return_number <= now.return_number
    and past.return_number > now.return_number - {{ sessions }}
  where now.return_number >= {{ sessions }}

)

select
  levels.portfolio,
  levels.session_date,
  levels.positions,
  levels.value,
  levels.daily_profit,
  levels.profit,
  levels.daily_return,
  levels.level - 1 as cumulative_return,
  levels.level / max(levels.level) over (
    partition by levels.portfolio order by levels.session_date rows between unbounded preceding and current row
  ) - 1 as drawdown,
  -ranked.daily_return as value_at_risk_95,
  -ranked.daily_return * levels.value as value_at_risk_95_amount
from levels
left join ranked
  on ranked.portfolio = levels.portfolio
  and ranked.session_date = levels.session_date
  and ranked.worst = {{ (sessions * 0.05) | int + 1 }}

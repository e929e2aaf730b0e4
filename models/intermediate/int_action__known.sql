{{ versioned_table(
  key=['symbol', 'kind', 'effective_date', 'source', 'reported_value'],
  content=[
    'ratio', 'reported_amount', 'amount', 'currency', 'reason', 'is_withdrawn', 'is_chosen', 'split_factor', 'effective_until'
  ],
  version=['received_at', 'run_id', 'line_number', 'source_object'],
  consumes=['int_line__validated', 'int_action__list'],
  seeds=['split', 'corporate_action_override', 'source', 'symbol', 'exchange', 'exchange_exception'],
  vars=['source_priority', 'default_calendar'],
  merged=['seed split', 'seed corporate_action_override', 'var source_priority']
) }}

-- each source's reports, with the number of their session and their order of preference
with numbered as (

  {{ numbered_reports() }}

),

split_ranges as (

  select
    reports.symbol,
    reports.effective_date,
    reports.source,
    reports.reported_value,
    -- several splits of a day share a factor; one of them holds the range
    case
      when row_number() over (partition by reports.symbol, reports.effective_date order by reports.preference) = 1
        then coalesce(
            min(reports.effective_date) over (
              partition by reports.symbol order by reports.effective_date
              range between interval '1' day following and unbounded following
            ),
            date '9999-12-31'
          )
    end as effective_until,
    cast(round(exp(
      sum(ln(reports.ratio)) over (partition by reports.symbol order by reports.effective_date)
    ), 10) as decimal(18, 10)) as split_factor
  from (
    select
      *,
      {{ is_superseded('ratio') }} as is_superseded
    from numbered
    where kind = 'split'
  ) as reports
  where not reports.is_superseded
    and not reports.is_withdrawn

),

-- dividends per share as traded on the day: a split-adjusted feed divides them by every split since
as_traded as (

  select
    reports.symbol,
    reports.kind,
    reports.effective_date,
    reports.source,
    reports.reported_value,
    reports.ratio,
    reports.amount as reported_amount,
    case
      when reports.is_split_adjusted
        then {{ rescaled('reports.amount', 'coalesce(at_receipt.split_factor, 1)', 'coalesce(at_date.split_factor, 1)') }}
      else reports.amount
    end as amount,
    reports.currency,
    reports.reason,
    reports.priority,
    reports.source_rank,
    reports.preference,
    reports.session_number,
    reports.is_withdrawn,
    reports.received_at,
    reports.run_id,
    reports.line_number,
    reports.source_object
  from numbered as reports
  left join split_ranges as at_date
    on at_date.symbol = reports.symbol
    and at_date.effective_date <= reports.effective_date
    and at_date.effective_until > reports.effective_date
  left join split_ranges as at_receipt
    on at_receipt.symbol = reports.symbol
    and at_receipt.effective_date <= cast(reports.received_at as date)
    and at_receipt.effective_until > cast(reports.received_at as date)

),

decided as (

  select
    as_traded.*,
    split_ranges.split_factor,
    split_ranges.effective_until,
    case
      when as_traded.kind = 'split' then split_ranges.symbol is not null
      else not as_traded.is_superseded and not as_traded.is_withdrawn
    end as is_chosen
  from (
    select
      *,
      {{ is_superseded('amount') }} as is_superseded
    from as_traded
  ) as as_traded
  left join split_ranges
    on {{ is_same_key('split_ranges', 'as_traded', ['symbol', 'effective_date', 'source', 'reported_value']) }}
    and as_traded.kind = 'split'

)

-- a decision is made anew from every report, however old the report is
{{ write_changes('decided', replaces='true') }}

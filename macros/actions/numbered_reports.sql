{% macro numbered_reports() %}
  select
    reports.*,
    {{ session_number('reports.effective_date', 'exchange', 'closed') }} as session_number,
    dense_rank() over (partition by reports.symbol order by reports.priority, reports.source) as source_rank,
    -- of a vendor's reports of one event the newest counts, and of one list's the latest date
    row_number() over (
      partition by reports.symbol, reports.kind, reports.is_withdrawn
      order by
        reports.priority asc, reports.source asc, reports.received_at desc, reports.run_id desc,
        reports.effective_date desc, reports.reported_value asc
    ) as preference
  from ({{ reported_actions() }}) as reports
  left join {{ ref('symbol') }} as instrument on instrument.symbol = reports.symbol
  left join {{ ref('exchange') }} as exchange on exchange.mic = {{ calendar_of('instrument') }}
  left join (
    select
      mic,
      session_date,
      lead(session_date, 1, date '9999-12-31') over (partition by mic order by session_date) as next_date,
      row_number() over (partition by mic order by session_date) as closed_days
    from {{ ref('exchange_exception') }}
    where closes_at is null
  ) as closed
    on closed.mic = exchange.mic
    and closed.session_date < reports.effective_date
    and closed.next_date >= reports.effective_date
{% endmacro %}

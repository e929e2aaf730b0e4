with levels as (
  select
    session_date,
    symbol,
    total_level / first_value(total_level) over (partition by symbol order by session_date) as level
  from fct_return_index
  where $dates(session_date)
    and ($symbols(symbol) or symbol = 'VOO')
)

select
  levels.session_date,
  levels.symbol,
  100 * (levels.level - benchmark.level) as over_benchmark_pct
from levels
inner join levels as benchmark
  on benchmark.session_date = levels.session_date
  and benchmark.symbol = 'VOO'
where levels.symbol <> 'VOO'
order by levels.session_date, levels.symbol

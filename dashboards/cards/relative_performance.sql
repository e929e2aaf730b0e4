with compared as (
  select
    held.session_date,
    held.symbol,
    held.total_level / first_value(held.total_level) over (partition by held.symbol order by held.session_date) as level,
    benchmark.total_level / first_value(benchmark.total_level) over (partition by held.symbol order by held.session_date) as benchmark_level
  from fct_return_index as held
  inner join fct_return_index as benchmark
    on benchmark.session_date = held.session_date
    and benchmark.symbol = 'VOO'
  where $dates(held.session_date)
    and $dates(benchmark.session_date)
    and $symbols(held.symbol)
    and held.symbol <> 'VOO'
)

select
  session_date,
  symbol,
  100 * (level - benchmark_level) as over_benchmark_pct
from compared
order by session_date, symbol

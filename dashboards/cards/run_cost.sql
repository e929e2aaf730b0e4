select
  cast(recorded_at as date) as run_date,
  model,
  count(*) as runs,
  sum(seconds) as seconds,
  cast(coalesce(sum(bytes_scanned), 0) as bigint) as bytes_scanned
from fct_model_run
where $times(recorded_at)
group by cast(recorded_at as date), model
order by run_date, model

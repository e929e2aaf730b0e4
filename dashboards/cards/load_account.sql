select
  cast(dt as date) as arrival_date,
  cast(sum(landed_lines) as bigint) as landed_lines,
  cast(sum(winning_lines) as bigint) as winning_lines,
  cast(sum(superseded_lines) as bigint) as superseded_lines,
  cast(sum(duplicate_lines) as bigint) as duplicate_lines,
  cast(sum(quarantined_lines) as bigint) as quarantined_lines,
  cast(sum(missing_lines) as bigint) as missing_lines
from fct_load_audit
where $dates(cast(dt as date))
group by dt
order by dt

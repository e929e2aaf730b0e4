select
  cast(dt as date) as arrival_date,
  reasons,
  cast(sum(occurrences) as bigint) as refused_lines
from quarantined_record
where $dates(cast(dt as date))
group by dt, reasons
order by dt, reasons

select
  recorded_at,
  invocation_id,
  model,
  batch_id,
  arrival_until,
  seconds,
  rows_affected,
  bytes_scanned
from {{ source('audit', 'model_watermark') }}
where seconds is not null

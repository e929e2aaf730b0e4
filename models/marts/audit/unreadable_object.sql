{{ config(materialized='view') }}

select
  source_object,
  dt,
  hr,
  size_bytes,
  problem
from {{ raw_objects() }}
where problem <> ''

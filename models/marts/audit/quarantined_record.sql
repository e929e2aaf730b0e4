{{ config(
  materialized='incremental',
  unique_key=['dt', 'hr', 'source_object', 'line_sha256'],
  post_hook="{{ forget_readmitted_lines() }}",
  meta={'consumes': ['int_line__validated']}
) }}

with refused as (

  select
    dt,
    hr,
    source_object,
    line,
    {{ sha256_text('line') }} as line_sha256,
    count(*) as occurrences,
    reasons
  from {{ ref('int_line__validated') }}
  where reasons <> ''
  group by dt, hr, source_object, line, reasons

)

select
  refused.dt,
  refused.hr,
  refused.source_object,
  refused.line,
  refused.line_sha256,
  refused.occurrences,
  refused.reasons
from refused
{%- if is_incremental() %}
left join {{ this }} as stored
  on {{ is_same_key('stored', 'refused', ['dt', 'hr', 'source_object', 'line_sha256']) }}
where stored.line_sha256 is null
  or stored.occurrences <> refused.occurrences
  or stored.reasons <> refused.reasons
{%- endif %}

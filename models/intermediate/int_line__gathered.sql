{{ config(materialized='ephemeral') }}
{%- set no_price, no_volume = 'cast(null as decimal(18, 8))', 'cast(null as decimal(18, 4))' %}
{%- set no_ratio, no_text, moment = 'cast(null as decimal(18, 10))', 'cast(null as varchar)', type_timestamp() %}
{%- set prices = ['open', 'high', 'low', 'close'] %}
{%- set lineage = ['is_final', 'is_not_json', 'received_at', 'run_id', 'line_number', 'line', 'source_object', 'dt', 'hr'] %}

with gathered as (

  select
    'bars' as dataset,
    schema_version,
    source,
    vendor_symbol,
    bar_interval,
    bar_start_at,
    {{ prices | join(', ') }},
    {{ no_price }} as adjusted_close,
    {{ no_text }} as adjusted_close_text,
    volume,
    volume_text,
    {{ no_ratio }} as ratio,
    {{ no_price }} as amount,
    price_basis,
    currency,
    {{ lineage | join(', ') }}
  from {{ ref('stg_market__bar') }}
  union all
  select
    'daily_bars' as dataset,
    schema_version,
    source,
    vendor_symbol,
    '1day' as bar_interval,
    cast(session_date as {{ moment }}) as bar_start_at,
    {{ prices | join(', ') }},
    adjusted_close,
    adjusted_close_text,
    volume,
    volume_text,
    {{ no_ratio }} as ratio,
    {{ no_price }} as amount,
    price_basis,
    currency,
    {{ lineage | join(', ') }}
  from {{ ref('stg_market__daily_bar') }}
  union all
  select
    'corporate_actions' as dataset,
    schema_version,
    source,
    vendor_symbol,
    kind as bar_interval,
    cast(effective_date as {{ moment }}) as bar_start_at,
    {% for price in prices %}{{ no_price }} as {{ price }}, {% endfor %}
    {{ no_price }} as adjusted_close,
    {{ no_text }} as adjusted_close_text,
    {{ no_volume }} as volume,
    {{ no_text }} as volume_text,
    ratio,
    amount,
    {{ no_text }} as price_basis,
    currency,
    true as is_final,
    {{ lineage[1:] | join(', ') }}
  from {{ ref('stg_market__corporate_action') }}

)

select
  dataset,
  schema_version,
  source,
  vendor_symbol,
  bar_interval,
  bar_start_at,
  {{ prices | join(', ') }},
  adjusted_close,
  adjusted_close_text,
  volume,
  volume_text,
  ratio,
  amount,
  price_basis,
  currency,
  {{ lineage | join(', ') }}
from gathered

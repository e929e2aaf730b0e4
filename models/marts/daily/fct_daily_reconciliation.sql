{%- set vendor_and_minutes = {'open': 'open', 'high': 'high', 'low': 'low', 'close': 'close'} %}

with vendor as (

  select *
  from {{ ref('fct_daily_bar') }}
  where source not like '%:resampled'

),

minutes as (

  select
    *,
    substr(source, 1, length(source) - length(':resampled')) as feed
  from {{ ref('fct_daily_bar') }}
  where source like '%:resampled'

),

compared as (

  select
    vendor.symbol,
    vendor.source,
    vendor.session_date,
    vendor.price_basis = minutes.price_basis as is_same_basis,
    vendor.close,
    {%- for name in vendor_and_minutes %}
    100 * (cast(minutes.{{ name }} as double) / cast(vendor.{{ name }} as double) - 1) as {{ name }}_difference_pct,
    {%- endfor %}
    cast(minutes.volume as double) / nullif(cast(vendor.volume as double), 0e0) as volume_share,
    minutes.minutes,
    {{ minutes_between('hours.opens_at', 'hours.closes_at') }} - minutes.minutes as missing_minutes
  from vendor
  inner join minutes
    on minutes.symbol = vendor.symbol
    and minutes.feed = vendor.source
    and minutes.session_date = vendor.session_date
  left join {{ ref('symbol') }} as listed on listed.symbol = vendor.symbol
  left join {{ ref('dim_session') }} as hours
    on hours.mic = {{ calendar_of('listed') }}
    and hours.session_date = vendor.session_date

)

select
  symbol,
  source,
  session_date,
  close,
  open_difference_pct,
  high_difference_pct,
  low_difference_pct,
  close_difference_pct,
  volume_share,
  minutes,
  missing_minutes,
  case
    when not is_same_basis then 'other_basis'
    when abs(open_difference_pct) > {{ var('reconcile_restated_pct') }}
      and abs(close_difference_pct) > {{ var('reconcile_restated_pct') }} then 'restated'
    when missing_minutes > {{ var('reconcile_missing_minutes') }} then 'missing_minutes'
    when abs(open_difference_pct) > {{ var('reconcile_price_pct') }}
      or abs(high_difference_pct) > {{ var('reconcile_price_pct') }}
      or abs(low_difference_pct) > {{ var('reconcile_price_pct') }} then 'range_differs'
    when abs(close_difference_pct) > {{ var('reconcile_close_pct') }} then 'close_differs'
    when volume_share < {{ var('reconcile_volume_share') }} or volume_share > 1.01 then 'volume_differs'
    else 'agrees'
  end as finding
from compared

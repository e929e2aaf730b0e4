{#- The bars of the touched buckets, from the minutes they hold. The lineage is that of the last minute; received_at is the latest. -#}
{% macro buckets_of_minutes(bucket) %}
    select
      placed.symbol,
      cast(placed.minutes as varchar) || 'min' as bar_interval,
      placed.source || ':resampled' as source,
      placed.resampled_start_at as bar_start_at,
      placed.bar_date,
      placed.session,
      min_by(placed.open, placed.bar_start_at) as open,
      max(placed.high) as high,
      min(placed.low) as low,
      max_by(placed.close, placed.bar_start_at) as close,
      try_cast(sum(placed.volume) as decimal(18, 4)) as volume,
      max(placed.split_factor) as split_factor,
      max(placed.price_basis) as price_basis,
      max(placed.currency) as currency,
      min(case when placed.is_final then 1 else 0 end) = 1
      and max(placed.received_at) >= {{ add_units('placed.resampled_start_at', 'placed.minutes', 'minute') }} as is_final,
      max(placed.received_at) as received_at,
      max_by(placed.run_id, placed.bar_start_at) as run_id,
      max_by(placed.line_number, placed.bar_start_at) as line_number,
      max_by(placed.source_object, placed.bar_start_at) as source_object
    from placed
    inner join touched on {{ is_same_key('touched', 'placed', bucket) }}
    group by {{ columns_of('placed', bucket) }}, placed.bar_date
{% endmacro %}

{% macro aggregate_buckets(bucket) %}
    select
      bars.symbol,
      cast(bars.minutes as varchar) || 'min' as bar_interval,
      bars.source || ':resampled' as source,
      bars.bucket_start_at as bar_start_at,
      bars.bar_date,
      bars.session,
      min_by(bars.open, bars.bar_start_at) as open,
      max(bars.high) as high,
      min(bars.low) as low,
      max_by(bars.close, bars.bar_start_at) as close,
      try_cast(sum(bars.volume) as decimal(18, 4)) as volume,
      max(bars.split_factor) as split_factor,
      max(bars.price_basis) as price_basis,
      max(bars.currency) as currency,
      bool_and(bars.is_final)
      and max(bars.received_at) >= {{ add_units('bars.bucket_start_at', 'bars.minutes', 'minute') }} as is_final,
      max(bars.received_at) as received_at,
      max_by(bars.run_id, bars.bar_start_at) as run_id,
      max_by(bars.line_number, bars.bar_start_at) as line_number,
      max_by(bars.source_object, bars.bar_start_at) as source_object
    from minutes_with_bucket as bars
    inner join touched on {{ is_same_key('touched', 'bars', bucket) }}
    group by {{ columns_of('bars', bucket) }}, bars.bar_date
{% endmacro %}

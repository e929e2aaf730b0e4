{#- The stored bars of one minute that this run may have touched, each with the start of the buckets it belongs to.
    Minutes before the date `bound` are not read (none: all are). -#}
{% macro placed_minutes(bound) %}
{%- set elapsed -%}
{{ minutes_between(
  "case bars.session when 'regular' then hours.opens_at when 'pre' then hours.pre_opens_at when 'post' then hours.closes_at "
  ~ "else date_trunc('day', bars.bar_start_at) end", 'bars.bar_start_at') }}
{%- endset %}
    select
      bars.*,
      lengths.minutes,
      {{ add_units('bars.bar_start_at', '-((' ~ elapsed ~ ') % lengths.minutes)', 'minute') }} as resampled_start_at
    from {{ this }} as bars
    cross join (values {% for minutes in var('resample_minutes') %}({{ minutes }}){{ ', ' if not loop.last }}{% endfor %}) as lengths (minutes)
    left join {{ ref('symbol') }} as listed on listed.symbol = bars.symbol
    left join {{ ref('dim_session') }} as hours
      on hours.mic = {{ calendar_of('listed') }}
      and hours.session_date = bars.bar_date
    where bars.bar_interval = '1min'
      and {{ on_or_after('bars.bar_date', bound) }}
{% endmacro %}

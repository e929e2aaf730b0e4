{% macro minutes_with_bucket(bound) %}
{%- set session_start -%}
case bars.session
        when 'regular' then hours.opens_at
        when 'pre' then hours.pre_opens_at
        when 'post' then hours.closes_at
        else date_trunc('day', bars.bar_start_at)
      end
{%- endset %}
{%- set back_to_bucket -%}
-(({{ minutes_between(session_start, 'bars.bar_start_at') }}) % lengths.minutes)
{%- endset %}
    select
      bars.*,
      lengths.minutes,
      {{ add_units('bars.bar_start_at', back_to_bucket, 'minute') }} as bucket_start_at
    from {{ this }} as bars
    cross join (values {% for minutes in var('resample_minutes') %}({{ minutes }}){{ ', ' if not loop.last }}{% endfor %}) as lengths (minutes)
    left join {{ ref('symbol') }} as listed on listed.symbol = bars.symbol
    left join {{ ref('dim_session') }} as hours
      on hours.mic = {{ calendar_of('listed') }}
      and hours.session_date = bars.bar_date
    where bars.bar_interval = '1min'
      and {{ on_or_after('bars.bar_date', bound) }}
{% endmacro %}

{% macro refused_bars() %}
    select
      {{ json_text('record.symbol') }} as symbol,
      {{ json_text('record.bar_interval') }} as bar_interval,
      {{ json_text('record.source') }} as source,
      {{ parse_utc(json_text('record.bar_start')) }} as bar_start_at
    from (
      select {{ json_fields('line', ['symbol', 'bar_interval', 'source', 'bar_start']) }} as record
      from {{ ref('quarantined_record') }}
    ) as parsed
{% endmacro %}

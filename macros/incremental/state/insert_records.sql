{% macro insert_records(records) %}
insert into {{ audit_relation('model_watermark') }}
select
  newest.record_id + 1, fresh.model, fresh.batch_id, fresh.arrival_until, fresh.fingerprint, '{{ invocation_id }}',
  {{ current_utc() }}, fresh.seconds, fresh.rows_affected, fresh.bytes_scanned
from (
  values
  {%- for r in records %}
  (
    cast('{{ r.model }}' as varchar), cast({{ r.batch_id }} as bigint), cast('{{ r.arrival_until }}' as varchar),
    cast('{{ r.fingerprint }}' as varchar), cast({{ r.get('seconds', 'null') }} as double),
    cast({{ r.get('rows_affected', 'null') }} as bigint), cast({{ r.get('bytes_scanned', 'null') }} as bigint)
  ){{ ',' if not loop.last }}
  {%- endfor %}
) as fresh (model, batch_id, arrival_until, fingerprint, seconds, rows_affected, bytes_scanned)
cross join (select coalesce(max(record_id), 0) as record_id from {{ audit_relation('model_watermark') }}) as newest
{% endmacro %}

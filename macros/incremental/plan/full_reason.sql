{% macro full_reason(record, fingerprint) %}
  {%- if not record -%}{{ return('first build') }}{%- endif -%}
  {%- if not record.batch_id -%}{{ return(record.reason or 'reset') }}{%- endif -%}
  {%- if record.fingerprint == fingerprint -%}{{ return('') }}{%- endif -%}
  {%- if not record.fingerprint.startswith('definition=') -%}{{ return('recorded by an older version') }}{%- endif -%}
  {%- set changed = changed_parts(record, fingerprint) -%}
  {{ return(changed | join(' changed, ') ~ ' changed' if changed else 'vars or seeds no longer used') }}
{% endmacro %}

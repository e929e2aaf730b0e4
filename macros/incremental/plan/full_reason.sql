{% macro full_reason(record, fingerprint) %}
  {%- if not record -%}{{ return('first build') }}{%- endif -%}
  {%- if not record.batch_id -%}{{ return(record.reason or 'reset') }}{%- endif -%}
  {%- if record.fingerprint == fingerprint -%}{{ return('') }}{%- endif -%}
  {%- if record.fingerprint and '=' not in record.fingerprint -%}{{ return('recorded by an older version') }}{%- endif -%}
  {%- set recorded, changed = record.fingerprint.split(', '), [] -%}
  {%- for part in fingerprint.split(', ') if part and part not in recorded -%}
    {%- do changed.append(part.split('=') | first ~ ' changed') -%}
  {%- endfor -%}
  {{ return(changed | join(', ') or 'vars or seeds no longer used') }}
{% endmacro %}

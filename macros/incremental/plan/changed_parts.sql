{% macro changed_parts(record, fingerprint) %}
  {%- set changed = [] -%}
  {%- if record.batch_id -%}
    {%- set recorded = record.fingerprint.split(', ') -%}
    {%- for part in fingerprint.split(', ') if part not in recorded -%}{%- do changed.append(part.split('=') | first) -%}{%- endfor -%}
  {%- endif -%}
  {{ return(changed) }}
{% endmacro %}

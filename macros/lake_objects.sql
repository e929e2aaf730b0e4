{% macro lake_objects(dataset) -%}
{%- set folder = env_var('TICKERLAKE_LAKE', 'lake') | replace('[', '[[]') | replace('*', '[*]') | replace('?', '[?]') -%}
{{ quote_text(folder ~ '/raw/' ~ dataset ~ '/*/*/*.ndjson.gz') }}
{%- endmacro %}

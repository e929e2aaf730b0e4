{% macro raw_folder(is_pattern=false) %}
  {%- set folder = env_var('TICKERLAKE_LAKE', 'lake') ~ '/raw/' -%}
  {{ return(folder | replace('[', '[[]') | replace('*', '[*]') | replace('?', '[?]') if is_pattern else folder) }}
{% endmacro %}

{% macro volume_spike(volume, baseline) -%}
case
    when {{ baseline }} is null or {{ volume }} is null then null
    when cast({{ volume }} as double) > {{ var('spike_factor') }} * {{ baseline }} then 'SPIKE'
    else 'normal'
  end
{%- endmacro %}

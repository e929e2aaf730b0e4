{% macro volume_baseline() -%}
{%- set bars = var('spike_bars') -%}
{%- set frame = series_window(bars, 1) -%}
case
      when count(volume) over ({{ frame }}) < {{ bars }} then null
      when min(split_factor) over ({{ frame }}) = split_factor and max(split_factor) over ({{ frame }}) = split_factor
        then cast(sum(volume) over ({{ frame }}) as double) / {{ bars }}
      else
        sum(cast(volume as double) / cast(split_factor as double)) over ({{ frame }})
        * cast(split_factor as double) / {{ bars }}
    end
{%- endmacro %}

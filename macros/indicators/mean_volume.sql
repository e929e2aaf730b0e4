{#- The mean volume of the bars from `first` to `last` bars before the current one, in the current bar's units, as a double.
    Without a split in the frame the sum is exact, so that "exactly twice the mean" is decided exactly; NULL when a volume in
    the frame is NULL. -#}
{% macro mean_volume(first, last) -%}
{%- set frame, bars = series_window(first, last), first - last + 1 -%}
case
      when count(volume) over ({{ frame }}) < {{ bars }} then null
      when min(split_factor) over ({{ frame }}) = split_factor and max(split_factor) over ({{ frame }}) = split_factor
        then cast(sum(volume) over ({{ frame }}) as double) / {{ bars }}
      else
        sum(cast(volume as double) / cast(split_factor as double)) over ({{ frame }})
        * cast(split_factor as double) / {{ bars }}
    end
{%- endmacro %}

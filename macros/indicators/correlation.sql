{% macro correlation(left, right, rows, window) -%}
{%- set frame %}{{ window }} rows between {{ rows - 1 }} preceding and current row{% endset -%}
case
      when count({{ left }} * {{ right }}) over ({{ frame }}) = {{ rows }}
        and min({{ left }}) over ({{ frame }}) < max({{ left }}) over ({{ frame }})
        and min({{ right }}) over ({{ frame }}) < max({{ right }}) over ({{ frame }})
        then corr({{ left }}, {{ right }}) over ({{ frame }})
    end
{%- endmacro %}

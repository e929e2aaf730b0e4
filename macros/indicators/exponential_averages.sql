{% macro exponential_averages(relation, averages, block) %}
{%- set series = 'partition by symbol, bar_interval, source' %}
{%- set position %}{{ averages[0].name }}_position{% endset %}
  select
    summed.*,
    {%- for average in averages %}
    {%- set keep = 1 - average.alpha %}
    case
      when bar_number >= {{ average.seeded_at }} then {{ double_text(average.alpha) }} * power({{ double_text(keep) }}, {{ position }}) * (
        {{ average.name }}_in_block
        + {{ double_text(keep) }} * coalesce(lag({{ average.name }}_total, {{ position }} + 1) over ({{ series }} order by bar_number), 0e0)
      )
    end as {{ average.name }}{{ ',' if not loop.last }}
    {%- endfor %}
  from (
    select
      weighed.*,
      {%- for average in averages %}
      {%- set keep = 1 - average.alpha %}
      sum({{ average.name }}_input * power({{ double_text(keep) }}, -{{ position }})) over (
        {{ series }}, bar_number - {{ position }} order by bar_number rows between unbounded preceding and current row
      ) as {{ average.name }}_in_block,
      sum({{ average.name }}_input * power({{ double_text(keep) }}, {{ block - 1 }} - {{ position }})) over (
        {{ series }}, bar_number - {{ position }}
      ) as {{ average.name }}_total{{ ',' if not loop.last }}
      {%- endfor %}
    from (
      select
        numbered.*,
        {%- for average in averages %}
        case
          when is_cut or bar_number > {{ average.seeded_at }} then coalesce({{ average.of }}, 0e0)
          when bar_number = {{ average.seeded_at }} then sum({{ average.of }}) over (
            {{ series }} order by bar_number rows between {{ average.seed_rows - 1 }} preceding and current row
          ) / {{ double_text(average.seed_rows * average.alpha) }}
          else 0e0
        end as {{ average.name }}_input{{ ',' if not loop.last }}
        {%- endfor %}
      from (select given.*, cast((bar_number - 1) % {{ block }} as integer) as {{ position }} from {{ relation }} as given) as numbered
    ) as weighed
  ) as summed
{% endmacro %}

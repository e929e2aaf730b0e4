{#- The relation with one column more per average e(t) = e(t-1) + alpha x (x(t) - e(t-1)), seeded at bar number `seeded_at`
    with the mean of the last `seed_rows` inputs; NULL before.

    averages  [{name, of, alpha, seeded_at, seed_rows}]; `of` is a column of doubles of `relation`, never NULL after the seed
    block     bars; what lies further back than a block has a weight below (1 - alpha)^block and is left out

    Written as sums, which any engine does with windows: e(t) = alpha x sum of u(i) (1 - alpha)^(t - i), where u is the
    input, seed / alpha at the seed, and 0 before. The sum is a prefix sum inside blocks of `block` bars plus the total of the
    block before. So a change rewrites `block` bars and needs `block` bars before them, instead of all that follow.

    Helper columns are named after an average: a relation may pass through here twice, and Athena refuses an ambiguous name. -#}
{% macro exponential_averages(relation, averages, block) %}
{%- set series = 'partition by symbol, bar_interval, source' %}
{%- set position = averages[0].name ~ '_position' %}
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

{#- A number as a literal of type double with all its digits: without an exponent both engines read a decimal. -#}
{% macro double_text(number) %}{{ return('%.17e' | format(number)) }}{% endmacro %}

{% macro smoothed_prices(relation) %}
{%- set moves %}(
    select
      *,
      case when price > price_before then price - price_before else 0e0 end as gain,
      case when price < price_before then price_before - price else 0e0 end as loss,
      -- the first bar has no close before it: its range is high - low
      case when price_high > price_before or price_before is null then price_high else price_before end
      - case when price_low < price_before or price_before is null then price_low else price_before end as true_range
    from {{ relation }}
  )
{%- endset %}
{%- set averages %}(
    select *, ema_12 - ema_26 as macd
    from (
      {{ exponential_averages(moves, [
        {'name': 'ema_12', 'of': 'price', 'alpha': 2 / 13, 'seeded_at': 12, 'seed_rows': 12},
        {'name': 'ema_26', 'of': 'price', 'alpha': 2 / 27, 'seeded_at': 26, 'seed_rows': 26},
        {'name': 'average_gain', 'of': 'gain', 'alpha': 1 / 14, 'seeded_at': 15, 'seed_rows': 14},
        {'name': 'average_loss', 'of': 'loss', 'alpha': 1 / 14, 'seeded_at': 15, 'seed_rows': 14},
        {'name': 'atr', 'of': 'true_range', 'alpha': 1 / 14, 'seeded_at': 14, 'seed_rows': 14},
      ], model.lookback) }}
    ) as averages
  )
{%- endset %}
  {{ exponential_averages(averages, [
    {'name': 'macd_signal', 'of': 'macd', 'alpha': 2 / 10, 'seeded_at': 34, 'seed_rows': 9},
  ], model.lookback) }}
{% endmacro %}

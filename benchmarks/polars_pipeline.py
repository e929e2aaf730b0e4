"""The three core tables from raw bars, by hand, in Polars: what the dbt project is measured against.

python -m benchmarks.polars_pipeline RAW_BARS_FOLDER OUTPUT_FOLDER
"""

import sys
from pathlib import Path

import polars as pl

SERIES = ["symbol", "bar_interval", "source"]
RAW = dict.fromkeys(
    (*SERIES, "bar_start", "open", "high", "low", "close", "volume", "received_at", "run_id"), pl.String
) | {"is_final": pl.Boolean, "line_number": pl.Int64}


def bars(raw: Path) -> pl.DataFrame:
    """The newest version of every bar, sorted by series and time."""
    numbers = [pl.col(name).cast(pl.Float64) for name in ("open", "high", "low", "close", "volume")]
    return (
        pl.scan_ndjson(sorted(raw.glob("*/*/*.ndjson.gz")), schema=RAW)
        .with_columns(pl.col("bar_start").str.to_datetime("%Y-%m-%dT%H:%M:%SZ"), *numbers)
        .sort(*SERIES, "bar_start", "is_final", "received_at", "run_id", "line_number")
        .unique([*SERIES, "bar_start"], keep="last", maintain_order=True)
        .with_columns(pl.col("bar_start").dt.strftime("%Y-%m").alias("month"))
        .collect()
    )


def price_change(bars_read: pl.DataFrame) -> pl.DataFrame:
    """Change against the previous close."""
    before = pl.col("close").shift().over(SERIES)
    return bars_read.select(
        *SERIES,
        "bar_start",
        "month",
        "close",
        previous_close=before,
        price_change=pl.col("close") - before,
        price_change_pct=100 * (pl.col("close") - before) / before,
        bar_return_pct=100 * (pl.col("close") - pl.col("open")) / pl.col("open"),
    ).with_columns(is_anomaly=pl.col("price_change_pct").abs() > 5)


def moving_average(bars_read: pl.DataFrame) -> pl.DataFrame:
    """Means of 5 and 20 closes, and where they cross."""
    averages = bars_read.select(
        *SERIES,
        "bar_start",
        "month",
        "close",
        sma_5=pl.col("close").rolling_mean(5).over(SERIES),
        sma_20=pl.col("close").rolling_mean(20).over(SERIES),
    )
    above = pl.col("sma_5") > pl.col("sma_20")
    was_above = above.shift().over(SERIES)
    return averages.with_columns(
        crossover=pl.when(above.is_null() | was_above.is_null())
        .then(None)
        .when(above & ~was_above)
        .then(pl.lit("BUY"))
        .when(~above & was_above)
        .then(pl.lit("SELL"))
        .otherwise(pl.lit("HOLD"))
    )


def volume_spike(bars_read: pl.DataFrame) -> pl.DataFrame:
    """Volume against the mean of the three bars before."""
    usual = pl.col("volume").rolling_mean(3).shift().over(SERIES)
    spike = pl.when(usual.is_null()).then(None).when(pl.col("volume") > 2 * usual).then(pl.lit("SPIKE"))
    return bars_read.select(
        *SERIES,
        "bar_start",
        "month",
        "volume",
        avg_volume_baseline=usual,
        volume_ratio=pl.col("volume") / usual,
        volume_spike=spike.otherwise(pl.lit("normal")),
    )


def main() -> None:
    """Read, compute, write."""
    raw, output = Path(sys.argv[1]), Path(sys.argv[2])
    bars_read = bars(raw)
    for make in (price_change, moving_average, volume_spike):
        make(bars_read).write_parquet(output / make.__name__, partition_by="month", mkdir=True)


if __name__ == "__main__":
    main()

"""What does a whole build cost beside a hand-written Polars pipeline on the same raw objects?

python -m benchmarks.full_build --months 116 --symbols 10

Both read every line of raw, keep the newest version of each bar and write fct_price_change, fct_moving_average and
fct_volume_spike as Parquet by month. The Polars pipeline (benchmarks/polars_pipeline.py) does no more than that: it
refuses no line, knows no calendar, split or source, and cannot be run twice without reading everything again. Each
runs in a process of its own; seconds are its wall time, memory the peak of its resident set. `dbt (three marts)` builds
the three marts and what they need, `dbt (everything)` the whole project.
"""

import argparse
import itertools
import json
import os
import platform
import shutil
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from benchmarks.increment import FIRST_DAY, land
from tickerlake import lake as lakes

DBT = "from dbt.cli.main import cli; cli()"
CORE = ("+fct_price_change", "+fct_moving_average", "+fct_volume_spike")
QUERIES = {
    "closes of one symbol's year": """
        select bar_start_at, close
        from fct_bar
        where symbol = 'S3' and bar_interval = '1min' and bar_date between {first} and {first} + interval 1 year""",
    "daily volume of every symbol": """
        select symbol, bar_date, sum(volume) from fct_bar where bar_interval = '1min' group by all""",
    "spikes by hour of day": """
        select extract(hour from bar_start_at), count(*)
        from fct_volume_spike
        where volume_spike = 'SPIKE' group by all""",
    "crossovers and the change at them": """
        select symbol, crossover, avg(price_change_pct) from fct_moving_average
        inner join fct_price_change using (symbol, bar_interval, source, bar_start_at, bar_date)
        where crossover in ('BUY', 'SELL') group by all""",
}


def run(command: list[str], environment: dict[str, str]) -> dict[str, float]:
    """Run a command and return its wall time and peak memory. Raises RuntimeError when it fails."""
    started = time.monotonic()
    process = os.posix_spawn(sys.executable, [sys.executable, *command], environment)
    _, status, usage = os.wait4(process, 0)
    if status:
        message = f"{command} failed"
        raise RuntimeError(message)
    return {"seconds": round(time.monotonic() - started, 1), "peak_memory_mb": usage.ru_maxrss // 1024}


def measure(months: int, symbols: int) -> dict[str, object]:
    """Land a history, build it each way, query it; return every figure."""
    folder = Path(tempfile.mkdtemp(prefix="tickerlake_bench_"))
    bars = 0
    with duckdb.connect() as connection:
        months_of = f"select (date '{FIRST_DAY}' + to_months(m))::date::varchar from range({months + 1}) as r (m)"
        edges = [row[0] for row in connection.sql(months_of).fetchall()]
    for number, (first, last) in enumerate(itertools.pairwise(edges)):
        bars += land(folder, symbols, first, last, f"2026-01-{1 + number % 28:02d}", f"month-{number}")
        print(f"\rlanded {bars:,} bars", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    environment = os.environ | {"TICKERLAKE_EXTENSIONS": str(lakes.extensions())}
    figures: dict[str, object] = {"bars": bars}
    polars = run(
        ["-m", "benchmarks.polars_pipeline", str(folder / "raw" / "bars"), str(folder / "polars")], environment
    )
    print("Polars", polars, file=sys.stderr, flush=True)
    figures["polars"] = polars
    for name, select in (("three marts", CORE), ("everything", ())):
        lake = folder / name.replace(" ", "_")
        (lake / "warehouse").mkdir(parents=True)
        (lake / "raw").symlink_to(folder / "raw")
        options = ["--quiet", "--target-path", str(lake / "target"), "--log-path", str(lake)]
        here = environment | {"TICKERLAKE_LAKE": str(lake)}
        run(["-c", DBT, "seed", *options], here)
        selected = ["--select", *select] if select else []
        dbt = run(["-c", DBT, "run", *options, *selected], here)
        print(f"dbt ({name})", dbt, file=sys.stderr, flush=True)
        figures[f"dbt ({name})"] = dbt | {
            "seconds_ratio": round(dbt["seconds"] / polars["seconds"], 2),
            "memory_ratio": round(dbt["peak_memory_mb"] / polars["peak_memory_mb"], 2),
        }
    figures["queries"] = query(folder / "everything")
    shutil.rmtree(folder)
    return figures


def query(lake: Path) -> dict[str, float]:
    """Return the seconds of each analytic query on the built marts, the second time it runs."""
    seconds = {}
    with lakes.connect(lake, lakes.CATALOG) as connection:
        connection.execute("use lake.tickerlake_marts")
        for name, sql in QUERIES.items():
            text = sql.format(first=f"date '{FIRST_DAY}'")
            connection.sql(text).fetchall()
            started = time.monotonic()
            connection.sql(text).fetchall()
            seconds[name] = round(time.monotonic() - started, 3)
    return seconds


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--months", type=int, default=116)
    parser.add_argument("--symbols", type=int, default=10)
    arguments = parser.parse_args()
    print(
        json.dumps(
            {
                "measured_at": f"{datetime.now(UTC):%Y-%m-%d}",
                "machine": f"{platform.machine()}, {os.cpu_count()} cores",
                "load": os.getloadavg()[0],
                **measure(arguments.months, arguments.symbols),
            },
            indent=2,
        )
    )


if __name__ == "__main__":
    main()

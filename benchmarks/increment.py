"""Does a day's increment cost the same on a long history as on a short one?

python -m benchmarks.increment --months 1 100 --symbols 10 --days 3

For each history: land it, build it, then land one day after the other and build each. Seconds are the wall time of
`dbt run` in this process; bytes are what its read calls returned (rchar of /proc/self/io), from disk or page cache:
DuckDB's reads of Parquet, of the raw objects and of the catalogue. The median day counts. CPU seconds
stand beside the wall's: they do not move with what else the machine does.
"""

import argparse
import itertools
import json
import os
import platform
import shutil
import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from pipeline.dbt import CommandResult, Dbt
from tickerlake import lake as lakes

FIRST_DAY = "2016-01-04"


def land(lake: Path, symbols: int, first: str, last: str, arrived: str, name: str) -> int:
    """Land the regular sessions of the weekdays from `first` to before `last` in one object; count the bars."""
    target = lake / "raw" / "bars" / f"dt={arrived}" / "hr=23" / f"{name}.ndjson.gz"
    target.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as connection:
        connection.execute(f"""
            copy (
                select 1 as schema_version, 'simulated' as source, 'S' || symbol as symbol, '1min' as bar_interval,
                    strftime(start, '%Y-%m-%dT%H:%M:%SZ') as bar_start, '' as vendor_label,
                    p::varchar as open, (p + 1)::varchar as high, (p - 1)::varchar as low, p::varchar as close,
                    (hash(start, symbol, 1) % 10000)::varchar as volume, 'raw' as price_basis, 'USD' as currency,
                    true as is_final, strftime(start + interval 1 hour, '%Y-%m-%dT%H:%M:%S.000Z') as received_at,
                    '01J00000000000000000000000' as run_id, row_number() over () as line_number, '' as payload_sha256
                from (
                    select day + interval 870 minute + to_minutes(minute) as start, symbol,
                        (100 + (hash(day, minute, symbol) % 1000) / 100)::decimal(18, 2) as p
                    from generate_series(date '{first}', date '{last}' - 1, interval 1 day) as days (day),
                        range(390) as minutes (minute), range({symbols}) as symbols (symbol)
                    where isodow(day) < 6
                )
            ) to '{target}' (format json, compression gzip)
        """)
        row = connection.sql(f"""
            select 390 * {symbols} * count(*)
            from generate_series(date '{first}', date '{last}' - 1, interval 1 day) as days (day)
            where isodow(day) < 6
        """).fetchone()
    return int(row[0]) if row else 0


def bytes_read() -> int:
    """Return the bytes that this process's read calls have returned."""
    lines = Path("/proc/self/io").read_text().splitlines()
    return int(dict(line.split(": ") for line in lines)["rchar"])


def measure(months: int, symbols: int, days: int) -> dict[str, float]:
    """Build a history of `months`, then `days` increments of one day; the median day's cost."""
    folder = Path(tempfile.mkdtemp(prefix="tickerlake_bench_"))
    os.environ["TICKERLAKE_LAKE"] = str(folder)
    os.environ["TICKERLAKE_EXTENSIONS"] = str(lakes.extensions())
    (folder / "warehouse").mkdir()
    with duckdb.connect() as connection:
        row = connection.sql(
            f"select (date '{FIRST_DAY}' + interval {months} month)::date::varchar, "
            f"list(d::date::varchar) from (select d from generate_series(date '{FIRST_DAY}' + interval {months} month, "
            f"date '{FIRST_DAY}' + interval {months} month + interval 20 day, interval 1 day) as s (d) "
            f"where isodow(d) < 6 limit {days + 1})"
        ).fetchone()
    assert row  # noqa: S101
    until, increments = row[0], row[1]
    bars = land(folder, symbols, FIRST_DAY, until, "2026-01-01", "history")
    dbt = Dbt("local", options=["--target-path", str(folder / "target"), "--no-write-json"])
    dbt.invoke("seed")
    started = time.monotonic()
    _all_good(dbt.invoke("run"))
    full = time.monotonic() - started
    seconds, cpu, read = [], [], []
    for number, (day, after) in enumerate(itertools.pairwise(increments)):
        land(folder, symbols, day, after, f"2026-01-{4 + 3 * number:02d}", f"day-{number}")
        started, cpu_started, before = time.monotonic(), time.process_time(), bytes_read()
        _all_good(dbt.invoke("run", "--exclude", "config.materialized:view"))
        seconds.append(time.monotonic() - started)
        cpu.append(time.process_time() - cpu_started)
        read.append(bytes_read() - before)
    shutil.rmtree(folder)
    return {
        "months": months,
        "bars": bars,
        "full_build_seconds": round(full, 1),
        "increment_seconds": round(statistics.median(seconds), 2),
        "increment_cpu_seconds": round(statistics.median(cpu), 2),
        "increment_bytes_read": int(statistics.median(read)),
    }


def _all_good(result: CommandResult) -> None:
    bad = [node for node in result.nodes if node.status not in ("success", "no-op")]
    assert result.is_success and not bad, bad or result.errors  # noqa: S101


def main() -> None:
    """Measure each history and print them with their ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--months", type=int, nargs=2, default=[1, 100])
    parser.add_argument("--symbols", type=int, default=10)
    parser.add_argument("--days", type=int, default=3)
    arguments = parser.parse_args()
    short, long = (measure(months, arguments.symbols, arguments.days) for months in arguments.months)
    print(
        json.dumps(
            {
                "measured_at": f"{datetime.now(UTC):%Y-%m-%d}",
                "machine": f"{platform.machine()}, {os.cpu_count()} cores",
                "load": os.getloadavg()[0],
                "symbols": arguments.symbols,
                "short": short,
                "long": long,
                "seconds_ratio": round(long["increment_seconds"] / short["increment_seconds"], 2),
                "cpu_ratio": round(long["increment_cpu_seconds"] / short["increment_cpu_seconds"], 2),
                "bytes_ratio": round(long["increment_bytes_read"] / short["increment_bytes_read"], 2),
            },
            indent=2,
        )
    )


if __name__ == "__main__":
    main()

"""Whatever days, actions and minutes arrive, in whatever order, however runs are cut short: as a full refresh.

The same proof as test_property.py, for what only daily deliveries reach: a benchmark that is corrected, a split and a
dividend learned late, days beside the minutes of the same session.
"""

import gc
import gzip
import random
from contextlib import suppress
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from testkit.daily import action, day, land, plain
from testkit.lake import RESAMPLED, Lake, assert_equal_marts, bar, public_marts
from tests.warehouse.test_property import dying_at
from tickerlake.errors import UserError

FIRST = date(2025, 1, 1)
SYMBOLS = ("TSLA", "VOO", "BTCUSD")  # one of them the benchmark
PARTIAL = (
    (),
    (),
    (),
    ("int_line__validated", "int_action__known"),
    ("int_line__validated", "fct_bar"),
    ("fct_daily_indicator",),
)


def days(rng: random.Random, number: int) -> list[dict[str, Any]]:
    """Days of one symbol, whose prices follow from key and version alone."""
    symbol, first, version = rng.choice(SYMBOLS), rng.choice([0, 0, rng.randrange(300)]), rng.randrange(3)
    lines = []
    for i in range(first, first + rng.choice([1, 2, 40, 300])):
        price = random.Random(f"{symbol}|{i}|{version}")
        close, open_ = 80 + 40 * price.random(), 80 + 40 * price.random()
        prices = {"open": open_, "high": max(close, open_) + 1, "low": min(close, open_) - 1}
        version_of = {"received_at": f"2026-03-01T00:00:0{version}Z", "run_id": f"01J{number:023d}", "line_number": i}
        volume, is_final = str(price.choice([0, 100, 5000])), rng.random() < 0.8
        at = FIRST + timedelta(days=i)
        lines.append(day(symbol, at, close, **prices, **version_of, volume=volume, is_final=is_final))
    return lines


def actions(rng: random.Random, number: int) -> list[dict[str, Any]]:
    lines = []
    for i in range(rng.randrange(3)):
        kind, at = rng.choice(["split", "dividend"]), FIRST + timedelta(days=rng.randrange(500))
        value = rng.choice([2.0, 0.5, 10.0]) if kind == "split" else 0.5
        lines.append(
            action(
                rng.choice(SYMBOLS),
                kind,
                at,
                value,
                run_id=f"01J{number:023d}",
                line_number=900 + i,
                source=rng.choice(["simulated", "alphavantage"]),
            )
        )
    return lines


def minutes(rng: random.Random, number: int) -> list[dict[str, Any]]:
    symbol, at, version = rng.choice(SYMBOLS), FIRST + timedelta(days=rng.randrange(6)), rng.randrange(2)
    lines = []
    for i in range(rng.randrange(120)):
        start = datetime(at.year, at.month, at.day, 13) + timedelta(minutes=4 * i)  # noqa: DTZ001
        price = random.Random(f"{symbol}|{start}|{version}")
        lines.append(
            bar(
                symbol,
                f"{start:%Y-%m-%dT%H:%M:%SZ}",
                plain(100 + price.random()),
                high="102",
                low="99",
                open="100",
                received_at=f"2026-03-01T00:00:0{version}Z",
                run_id=f"01J{number:023d}",
                line_number=2000 + i,
                is_final=rng.random() < 0.9,
            )
        )
    return lines


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_any_sequence_of_daily_deliveries_ends_as_a_full_refresh(tmp_path: Path, seed: int) -> None:
    rng, hour = random.Random(seed), datetime(2026, 4, 2)  # noqa: DTZ001
    lake = Lake(tmp_path / "lake", options=RESAMPLED)
    lake.land([bar("TSLA", "2025-01-02T15:00:00Z", high="102", low="99")], "2026-04-01 23")
    land(lake, "daily_bars", [day("TSLA", "2025-01-02", 100.5, high=102.0, low=99.0)], "2026-04-01 23")
    lake.run()
    for number in range(1, 5):
        hour += timedelta(hours=1)
        land(lake, "daily_bars", days(rng, number) + days(rng, 100 + number), f"{hour:%Y-%m-%d %H}")
        for dataset, lines in (("corporate_actions", actions(rng, number)), ("bars", minutes(rng, number))):
            if lines:
                land(lake, dataset, lines, f"{hour:%Y-%m-%d %H}")
        select = rng.choice(PARTIAL)
        options = [*(["--select", *select] if select else []), *(["--full-refresh"] if rng.random() < 0.15 else [])]
        with dying_at(rng.choice([None, rng.randrange(1, 220)])), suppress(UserError):
            lake.dbt("run", *options)
        gc.collect()  # a killed run's traceback holds its connection, and that the catalogue
    lake.run()
    assert_equal_marts(lake, lake.refreshed(), public_marts())
    counts = dict(
        lake.query("""
        select 'days', count(*) from fct_daily_bar where source not like '%:resampled'
        union all select 'dividends', count(*) from fct_daily_bar where dividend <> 0
        union all select 'splits', count(distinct split_factor) from fct_daily_bar
        union all select 'reconciled', count(*) from fct_daily_reconciliation
    """)
    )
    print(f"seed {seed}: {counts}")
    assert counts["days"] > 100
    assert counts["reconciled"]
    landed = sum(len(gzip.decompress(file.read_bytes()).splitlines()) for file in lake.folder.glob("raw/*/*/*/*.gz"))
    counted = lake.query("select sum(landed_lines), sum(missing_lines) from lake.tickerlake_audit.fct_load_audit")
    assert counted == [(landed, 0)]

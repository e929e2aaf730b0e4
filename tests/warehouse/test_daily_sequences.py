"""Whatever days, actions and minutes arrive, in whatever order, however runs are cut short: as a full refresh.

The same proof as test_property.py, for what only daily deliveries reach: a benchmark that is corrected, a split and a
dividend learned late, days beside the minutes of the same session.
"""

import csv
import gc
import gzip
import json
import math
import random
from collections import defaultdict
from contextlib import suppress
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from testkit.daily import action, day, land, plain
from testkit.lake import RESAMPLED, Lake, assert_equal_marts, bar, public_marts
from tests.warehouse.test_property import dying_at
from tickerlake.errors import UserError
from tickerlake.lake import PROJECT

FIRST = date(2025, 1, 1)
SEEDED = {"TSLA": 15, "VOO": 0.5, "BTCUSD": 1}  # factors of the seed's splits, all of them before
KINDS = ("split", "dividend")
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
    """Return up to three lists of a symbol, kind and source each: several events a day, some twice, dates that move."""
    lines: list[dict[str, Any]] = []
    for answer in range(rng.randrange(4)):
        symbol, kind, source = rng.choice(SYMBOLS), rng.choice(KINDS), rng.choice(["simulated", "alphavantage"])
        received = {"received_at": f"2026-03-0{rng.randrange(1, 4)}T00:00:00Z", "run_id": f"01J{number:022d}{answer}"}
        pool = random.Random(f"{symbol}|{kind}")  # so that lists are about the same events
        events = [(pool.randrange(500), pool.choice([2, 0.5, 10] if kind == "split" else [1, 0.5])) for _ in range(6)]
        for at, value in rng.sample(events, rng.randrange(1, 6)) + rng.choices(events, k=rng.randrange(2)):
            revised = value * rng.choice([1, 1, 1, 1.5])
            moved = FIRST + timedelta(days=at + rng.choice([0, 0, 0, 1, 3, 6]))
            lines.append(
                action(symbol, kind, moved, float(revised), source=source, line_number=900 + len(lines), **received)
            )
    return lines


def sessions_until(symbol: str, at: date) -> int:
    """Return how many sessions of the symbol's exchange lie before a date; days for what trades around the clock."""
    dates = [FIRST + timedelta(days=i) for i in range((at - FIRST).days)]
    if symbol == "BTCUSD":
        return len(dates)
    with (PROJECT / "seeds" / "exchange_exception.csv").open() as file:
        closed = {row["session_date"] for row in csv.DictReader(file) if row["mic"] == "XNYS" and not row["closes_at"]}
    return sum(1 for day_ in dates if day_.weekday() < 5 and str(day_) not in closed)


def decided_events(lines: list[dict[str, Any]]) -> list[tuple[str, str, str, float]]:
    """Decide which events the landed reports are about, by the rules of docs/definitions.md and without SQL."""
    reports: dict[tuple[str, str, str, str, float], tuple[str, str]] = {}
    lists: dict[tuple[str, str, str], dict[tuple[str, str], list[str]]] = defaultdict(lambda: defaultdict(list))
    for line in lines:
        symbol, kind, source, at = (line[name] for name in ("symbol", "kind", "source", "effective_date"))
        version = (line["received_at"], line["run_id"])
        report = (symbol, kind, source, at, float(line["ratio"] or line["amount"]))
        reports[report] = max(version, reports.get(report, version))
        lists[symbol, kind, source][version].append(at)
    standing = [
        (report, version)
        for report, version in reports.items()
        if not any(
            newer > version and min(dates) <= report[3] <= max(dates) for newer, dates in lists[report[:3]].items()
        )
    ]
    # best last: the better source, then the newer list, then the later date
    standing.sort(key=lambda item: (item[0][2] == "alphavantage", item[1], item[0][3]))
    chosen = []
    for number, ((symbol, kind, source, at, value), _) in enumerate(standing):
        numbered = sessions_until(symbol, date.fromisoformat(at))
        better = [other for other, _ in standing[number + 1 :] if other[:2] == (symbol, kind)]
        is_replaced = any(
            (other_at == at and other_source != source)
            or (other_value == value and abs(sessions_until(symbol, date.fromisoformat(other_at)) - numbered) <= 3)
            for _, _, other_source, other_at, other_value in better
        )
        if not is_replaced:
            chosen.append((symbol, kind, at, value))
    return sorted(chosen)


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
    landed_actions = [
        json.loads(line)
        for file in lake.folder.glob("raw/corporate_actions/*/*/*.gz")
        for line in gzip.decompress(file.read_bytes()).splitlines()
    ]
    expected = decided_events(landed_actions)
    assert expected == lake.query("""
        select symbol, kind, cast(effective_date as varchar), cast(coalesce(ratio, amount) as double)
        from dim_corporate_action where effective_date >= date '2025-01-01' order by all
    """)
    for symbol, at, factor, dividend in lake.query("""
        select symbol, cast(session_date as varchar), cast(split_factor as double), cast(dividend as double)
        from fct_daily_bar where source = 'simulated'
    """):
        of_symbol = [event for event in expected if event[0] == symbol]
        ratios = [value for _, kind, since, value in of_symbol if kind == "split" and since <= at]
        assert factor == pytest.approx(math.prod(ratios, start=SEEDED[symbol]), rel=1e-9), (symbol, at)
        paid = [value for _, kind, since, value in of_symbol if kind == "dividend" and since == at]
        assert dividend == pytest.approx(sum(paid)), (symbol, at)
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

"""The loader's rules refuse the same lines for the same reasons as the warehouse's."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from loader.rules import Acceptance, find_reasons
from testkit.daily import action, day, land
from testkit.lake import Lake, bar

VALUES: dict[str, list[Any]] = {
    "schema_version": [1, 1, 1, 2, "1", None],
    "symbol": ["TSLA", "AAPL", "FB", "EURUSD", "VIX", "BTC-USD", "tsla", "", "A" * 21, None, "^GSPC"],
    "source": ["alphavantage", "yahoo", "nobody", None],
    "bar_interval": ["1min", "5min", "2min", None],
    "price_basis": ["raw", "split_adjusted", "other", None],
    "currency": ["USD", "EUR", "usd", None],
    "open": ["100", "100.5", "0", "-1", "abc", "", None, 100, "1e", "99.99999999", True, "1 0"],
    "volume": ["10", "0", "-1", None, "x", "1.5", 7],
    "adjusted_close": ["1", None, "0", "-1", "x"],
    "is_final": [True, False, "true", "yes", None],
    "received_at": ["2026-03-03T00:00:00Z", "2026-03-03T00:00:00.5Z", "yesterday", None, "2026-03-03 00:00:00"],
    "run_id": ["run", None],
    "line_number": [1, "2", "x", None, -1],
    "bar_start": [
        *("2026-03-02T15:00:00Z", "2026-03-02T15:00:30Z", "2026-03-02T15:00:00.500Z", "2026-03-02 15:00", None),
        *("2026-03-03T00:04:00Z", "2026-03-03T00:05:01Z", "1969-12-31T23:59:00Z", "2049-12-31T00:00:00Z", "x"),
        *("2026-02-30T15:00:00Z", "2012-06-01T15:00:00Z"),
    ],
    "session_date": [
        "2026-03-02",
        "2026-03-04",
        "2026-03-05",
        "2026-3-2",
        None,
        "1899-12-31",
        "2050-01-01",
        "2026-02-30",
    ],
    "kind": ["split", "dividend", "merger", None],
    "effective_date": ["2026-03-02", "soon", None],
    "ratio": ["2", "0", "-1", "x", None],
    "amount": ["1", "0", "-1", "x", None],
}
VALUES |= dict.fromkeys(("high", "low", "close"), VALUES["open"])


def lines(count: int) -> list[tuple[str, dict[str, Any]]]:
    rng = random.Random(19)
    whole = [
        ("bars", bar()),
        ("daily_bars", day("AAPL", "2026-03-02")),
        ("corporate_actions", action("AAPL", "split", "2026-03-02", "2")),
        ("corporate_actions", action("AAPL", "dividend", "2026-03-02", "2")),
    ]
    generated = []
    for at in range(count):
        dataset, record = whole[at % len(whole)]
        changed = rng.sample([name for name in record if name in VALUES], rng.randint(0, 3))
        record = record | {name: rng.choice(VALUES[name]) for name in changed}
        generated.append((dataset, record | {"payload_sha256": str(at)}))
    return generated


@pytest.mark.slow
def test_the_loader_and_the_warehouse_refuse_the_same_lines_for_the_same_reasons(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    generated = lines(1200)
    for dataset in ("bars", "daily_bars", "corporate_actions"):
        land(lake, dataset, [record for name, record in generated if name == dataset])
    lake.run("--select", "+int_line__validated")
    refused = {
        json.loads(line)["payload_sha256"]: sorted(reasons.split(","))
        for line, reasons in lake.query(
            "select line, reasons from lake.tickerlake_intermediate.int_line__validated where reasons <> ''"
        )
    }
    expected = {
        record["payload_sha256"]: reasons for dataset, record in generated if (reasons := find_reasons(dataset, record))
    }
    assert 300 < len(expected) < 1100
    differing = {key: (refused.get(key), expected.get(key)) for key in refused.keys() | expected.keys()}
    assert {key: both for key, both in differing.items() if both[0] != both[1]} == {}


@pytest.mark.parametrize(
    ("changes", "reasons", "shown"),
    [
        ({"close": "NaN"}, ["price_malformed"], "NaN"),
        ({"high": "20000000000"}, ["price_malformed"], "20000000000"),
        ({"volume": "1e16"}, ["volume_malformed"], "1e16"),
        ({"bar_start": None, "vendor_label": "06/05/2024 9:30"}, ["bar_start_malformed"], "06/05/2024 9:30"),
    ],
)
def test_a_reason_names_the_true_cause(changes: dict[str, Any], reasons: list[str], shown: str) -> None:
    record = bar() | changes
    assert find_reasons("bars", record) == reasons
    acceptance = Acceptance()
    acceptance.add_line("bars", json.dumps(record).encode())
    assert acceptance.examples.get(reasons[0] if reasons else "", "") == shown

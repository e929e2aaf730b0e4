"""The record contract: digits, times, bytes."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from loader.providers.parse_context import ParseContext
from loader.record import Stamp, bar_line, decimal_text, utc_text

NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("86.4900", "86.4900"),
        ("100", "100"),
        (" 5 ", "5"),
        ("1e-05", "0.00001"),
        ("1.5E3", "1500"),
        (None, None),
        ("NaN", "NaN"),
        ("n/a", "n/a"),
        ("1e400", "1e400"),
        ("1_000", "1_000"),
    ],
)
def test_numbers_keep_the_vendors_digits_without_an_exponent(given: str | None, expected: str | None) -> None:
    assert decimal_text(given) == expected


def test_a_line_is_ascii_compact_and_complete() -> None:
    context = ParseContext.build("simulated", "TSLA", "1min", NOW.date())
    bar = context.bar("2026-03-02T14:59:00Z", "1.10", "2", "1", "1.5", "10")
    line = bar_line(bar, Stamp(NOW, "01J", "ab"), 7)
    assert line.isascii()
    assert b", " not in line
    assert json.loads(line) == {
        "schema_version": 1,
        "source": "simulated",
        "symbol": "TSLA",
        "bar_interval": "1min",
        "bar_start": "2026-03-02T14:59:00Z",
        "vendor_label": "2026-03-02T14:59:00Z",
        "open": "1.10",
        "high": "2",
        "low": "1",
        "close": "1.5",
        "volume": "10",
        "price_basis": "raw",
        "currency": "USD",
        "is_final": False,
        "received_at": "2026-03-02T15:00:00Z",
        "run_id": "01J",
        "line_number": 7,
        "payload_sha256": "ab",
    }


def test_times_are_utc_in_whole_seconds_or_milliseconds() -> None:
    assert utc_text(NOW + timedelta(milliseconds=5)) == "2026-03-02T15:00:00.005Z"
    assert utc_text(datetime.fromisoformat("2026-03-02T10:00:00-05:00")) == "2026-03-02T15:00:00Z"


def test_a_bar_is_final_once_its_end_plus_the_settling_time_has_passed() -> None:
    bar = ParseContext.build("simulated", "TSLA", "1min", NOW.date()).bar("2026-03-02T14:58:00Z", *["1"] * 5)
    settled_at = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)  # the bar's end, 14:59, plus 60 s
    assert not bar.is_final(settled_at)
    assert bar.is_final(settled_at + timedelta(seconds=1))


@pytest.mark.parametrize(
    ("symbol", "received_at", "expected"),
    [
        ("TSLA", "2026-03-02T18:00:00+00:00", False),  # mid-session
        ("TSLA", "2026-03-02T21:05:00+00:00", False),  # after the close, post market under way
        ("TSLA", "2026-03-03T01:01:00+00:00", False),  # 20:01 in New York, within the settling time
        ("TSLA", "2026-03-03T01:03:00+00:00", True),
        ("BTCUSD", "2026-03-02T23:59:00+00:00", False),
        ("BTCUSD", "2026-03-03T00:03:00+00:00", True),
        ("EURUSD", "2026-03-02T21:59:00+00:00", False),
        ("EURUSD", "2026-03-02T22:03:00+00:00", True),  # the day of forex ends at 17:00 in New York
    ],
)
def test_a_days_bar_is_final_once_its_exchanges_day_is_over(symbol: str, received_at: str, expected: bool) -> None:
    day = ParseContext.build("yahoo", symbol, "1min", NOW.date()).daily_bar("2026-03-02", ["1"] * 4, None, "1")
    assert day.is_final(datetime.fromisoformat(received_at)) is expected

"""Bars of five minutes and more, made from stored minutes, follow them through every change."""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from testkit.lake import MARTS, RESAMPLED, Lake, assert_equal_marts, bar


@pytest.fixture
def lake(lake: Lake) -> Lake:
    """A lake that resamples to five minutes, as the project does by default."""
    return replace(lake, options=RESAMPLED)


def minute(number: int, **fields: Any) -> dict[str, Any]:
    """The bar `number` minutes after 14:30 UTC, the open of 2026-03-02."""
    start = f"2026-03-02T{14 + (30 + number) // 60:02d}:{(30 + number) % 60:02d}:00Z"
    close = 100 + number % 7
    prices: dict[str, Any] = {
        "open": "100",
        "high": str(close + 1),
        "low": "99",
        "close": str(close),
        "volume": str(10 + number),
    }
    return bar(minute=start, **(prices | {"line_number": number} | fields))


def resampled(lake: Lake, interval: str = "5min") -> list[tuple[object, ...]]:
    return lake.query(f"""
        select bar_start_at, session, open, high, low, close, volume, is_final,
            dense_rank() over (order by batch_id) as batch
        from fct_bar
        where source = 'simulated:resampled' and bar_interval = '{interval}' order by bar_start_at
    """)


@pytest.mark.slow
def test_a_coarse_bar_is_its_minutes_and_changes_when_one_of_them_does(lake: Lake) -> None:
    lake.land([minute(n) for n in range(10) if n != 3])
    lake.run()
    first, second = (datetime(2026, 3, 2, 14, m) for m in (30, 35))  # noqa: DTZ001
    assert resampled(lake) == [
        (first, "regular", Decimal(100), Decimal(105), Decimal(99), Decimal(104), Decimal(10 + 11 + 12 + 14), True, 1),
        (
            second,
            "regular",
            Decimal(100),
            Decimal(107),
            Decimal(99),
            Decimal(102),
            Decimal(15 + 16 + 17 + 18 + 19),
            True,
            1,
        ),
    ]
    lake.land([minute(3, high="120", received_at="2026-03-04T00:00:00Z")], "2026-03-04 01")
    lake.run()
    assert [(row[3], row[6], row[8]) for row in resampled(lake)] == [
        (Decimal(120), Decimal(60), 2),
        (Decimal(107), Decimal(85), 1),
    ]
    assert_equal_marts(lake, lake.refreshed())


@pytest.mark.slow
def test_a_coarse_bar_is_final_when_its_time_has_passed_and_no_minute_is_provisional(lake: Lake) -> None:
    lake.land([minute(0, received_at="2026-03-02T14:33:00Z")])
    lake.run()
    assert [row[7] for row in resampled(lake)] == [False]
    lake.land([minute(0, received_at="2026-03-02T14:35:00Z", run_id="01K")], "2026-03-02 16")
    lake.run()
    assert [row[7] for row in resampled(lake)] == [True]
    lake.land([minute(1, is_final=False)], "2026-03-02 17")
    lake.run()
    assert [row[7] for row in resampled(lake)] == [False]
    assert_equal_marts(lake, lake.refreshed())


@pytest.mark.slow
def test_hours_begin_at_the_session_s_open_and_no_bar_holds_two_sessions(lake: Lake) -> None:
    starts = ["13:59", "14:29", "14:30", "15:29", "15:30", "20:45", "21:00", "21:59", "22:00"]
    lake.land([bar(minute=f"2026-03-02T{at}:00Z", line_number=n) for n, at in enumerate(starts)])
    hourly = replace(lake, options=("--vars", "{resample_minutes: [5, 60]}"))
    hourly.run()
    assert [(f"{row[0]:%H:%M}", row[1]) for row in resampled(lake, "60min")] == [
        ("13:00", "pre"),
        ("14:00", "pre"),
        ("14:30", "regular"),
        ("15:30", "regular"),
        ("20:30", "regular"),
        ("21:00", "post"),
        ("22:00", "post"),
    ]


@pytest.mark.slow
def test_a_length_asked_for_later_is_made_of_all_stored_minutes(lake: Lake) -> None:
    lake.land([minute(n) for n in range(20)], "2026-03-02 16")
    lake.land([minute(400)], "2026-03-09 16", "a-week-later")  # the overlap of arrivals ends long after the first
    lake.run()
    more = replace(lake, options=("--vars", "{resample_minutes: [5, 15]}"))
    more.run()
    assert [f"{row[0]:%H:%M}" for row in resampled(lake, "15min")] == ["14:30", "14:45", "21:00"]
    assert_equal_marts(more, more.refreshed())


@pytest.mark.slow
def test_every_window_mart_has_the_resampled_bars(lake: Lake) -> None:
    lake.land([minute(n) for n in range(120)])
    lake.run()
    for name in MARTS:
        assert lake.query(f"select count(*) from {name} where bar_interval = '5min'") == [(24,)], name

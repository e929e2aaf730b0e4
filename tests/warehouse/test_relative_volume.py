"""Relative volume looks back over dates: corrections and dates inserted late rewrite exactly the rows they should."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from testkit.lake import Lake, bar

# so short that the exponential averages, which are then wrong, leave the lookback over dates to be seen
SHORT = ("--vars", "{indicator_lookback: 1}")


def day(number: int, *minutes: int, **fields: Any) -> list[dict[str, Any]]:
    """Return bars at some minutes after 15:00 UTC of day `number` from 2026-01-01 on, each with its own volume."""
    start = datetime(2026, 1, 1, 15) + timedelta(days=number)  # noqa: DTZ001
    return [
        bar(
            minute=f"{start + timedelta(minutes=minute):%Y-%m-%dT%H:%M:%SZ}",
            volume=str(100 + 7 * number + minute),
            received_at="2026-03-20T00:00:00.000Z",
            line_number=100 * number + minute,
        )
        | fields
        for minute in minutes
    ]


def written(lake: Lake) -> list[tuple[int, int]]:
    """Return the days and minutes of the rows that the last run wrote."""
    latest = "batch_id = (select max(batch_id) from fct_bar)"
    rows = lake.query(f"select bar_start_at from fct_technical_indicator where {latest} order by 1")
    return [((at - datetime(2026, 1, 1)).days, at.minute) for (at,) in rows]  # noqa: DTZ001


@pytest.mark.slow
def test_a_correction_rewrites_its_minute_on_the_next_dates_and_no_further(lake: Lake) -> None:
    lake = replace(lake, options=SHORT)
    lake.land([line for number in range(40) for line in day(number, 0, 1)], "2026-03-20 01")
    lake.run()
    lake.land(day(5, 0, volume="9999", received_at="2026-03-21T00:00:00.000Z"), "2026-03-21 05")
    lake.run()
    # two bars of the short lookback, and its minute on the next 20 dates
    assert written(lake) == [(5, 0), (5, 1), *((n, 0) for n in range(6, 26))]


@pytest.mark.slow
def test_a_date_inserted_late_moves_the_windows_after_it(lake: Lake) -> None:
    lake = replace(lake, options=SHORT)
    present = [number for number in range(40) if number != 12]
    lake.land([line for number in present for line in day(number, 0, 3)], "2026-03-20 01")
    lake.run()
    # a date that holds neither of the minutes still counts as a date
    lake.land(day(12, 1), "2026-03-21 05")
    lake.run()
    everything = "select bar_start_at, relative_volume from fct_technical_indicator order by 1"
    rows = lake.query(everything)
    assert rows == lake.refreshed().query(everything)
    assert sum(usual is not None for _, usual in rows) > 60

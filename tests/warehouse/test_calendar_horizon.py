"""The end of the exchange calendars: announced a year ahead, and no bar passes it unnoticed."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import exchange_calendars
import pandas as pd
import pytest

from pipeline.dbt import NodeResult
from seeds import generate_exchange_calendars
from testkit.daily import day, land
from testkit.lake import Lake, bar, project_copy

LATE = "no_bar_is_later_than_its_exchange_calendar"
NEAR = "exchange_calendars_reach_a_year_ahead"
END = "2026-06-30"  # a Tuesday
IN_TIME = bar("TSLA", "2026-06-30T14:30:00Z", received_at="2026-07-02T00:00:00Z")
TOO_LATE = bar("TSLA", "2026-07-01T14:30:00Z", received_at="2026-07-02T00:00:00Z", line_number=2)


def ending(folder: Path, end: str = END) -> Lake:
    """Return a lake whose exchange calendars end on a date."""
    return Lake(folder, options=("--vars", json.dumps({"calendar_until": end})))


def result_of(lake: Lake, name: str, *options: str) -> NodeResult:
    """Run one test of the project and return its result."""
    (result,) = [r for r in lake.dbt("test", "--select", name, *options) if r.resource_type == "test"]
    return result


def failing_rows(lake: Lake) -> tuple[str, list[tuple[Any, ...]]]:
    """Run the test of late bars: return its status and the rows that fail it."""
    result = result_of(lake, LATE, "--store-failures")
    assert "make seeds" in result.description
    return result.status, lake.query(f"select * from {result.relation}") if result.status == "fail" else []


@pytest.mark.slow
def test_a_bar_on_the_last_session_passes(tmp_path: Path) -> None:
    lake = ending(tmp_path / "lake")
    lake.land([IN_TIME, bar("BTC-USD", "2026-07-04T14:30:00Z", received_at="2026-07-05T00:00:00Z", line_number=3)])
    land(lake, "daily_bars", [day("TSLA", END, received_at="2026-07-02T00:00:00.000Z")])
    lake.run()
    assert failing_rows(lake) == ("pass", [])


@pytest.mark.parametrize("dataset", ["bars", "daily_bars"])
def test_a_bar_after_the_last_session_fails_with_its_symbol_and_date(tmp_path: Path, dataset: str) -> None:
    lake = ending(tmp_path / "lake")
    lake.land([IN_TIME, TOO_LATE] if dataset == "bars" else [IN_TIME])
    days = [END, "2026-07-01"] if dataset == "daily_bars" else [END]
    land(lake, "daily_bars", [day("TSLA", d, received_at="2026-07-02T00:00:00.000Z") for d in days])
    lake.run()
    late = ("TSLA", "simulated", date(2026, 7, 1), "XNYS", date(2026, 6, 30))
    assert failing_rows(lake) == ("fail", [late])


@pytest.mark.slow
def test_a_longer_calendar_gives_late_bars_their_session(tmp_path: Path) -> None:
    lake = ending(tmp_path / "lake")
    lake.land([IN_TIME, TOO_LATE])
    land(lake, "daily_bars", [day("TSLA", END, received_at="2026-07-02T00:00:00.000Z")])
    lake.run()
    sessions = "select bar_start_at, session from fct_bar order by 1"
    first, second = datetime(2026, 6, 30, 14, 30), datetime(2026, 7, 1, 14, 30)  # noqa: DTZ001
    assert lake.query(sessions) == [(first, "regular"), (second, "closed")]
    longer = ending(lake.folder, "2026-12-31")
    longer.dbt("run")
    assert longer.query(sessions) == [(first, "regular"), (second, "regular")]
    assert failing_rows(longer) == ("pass", [])


@pytest.mark.slow
def test_a_calendar_that_ends_within_twelve_months_is_a_warning(tmp_path: Path) -> None:
    today = datetime.now(UTC).date()
    statuses = {}
    for name, days in (("near", 364), ("far", 375)):
        lake = ending(tmp_path / name, str(today + timedelta(days=days)))
        lake.run("--select", "dim_session")
        result = result_of(lake, NEAR)
        statuses[name] = (result.status, result.message)
        assert "make seeds" in result.description
    assert statuses == {"near": ("warn", "Got 3 results, configured to warn if != 0"), "far": ("pass", "")}


@pytest.mark.slow
def test_sessions_go_no_further_than_the_seed_and_an_exchange_without_a_calendar_fails(tmp_path: Path) -> None:
    project = project_copy(tmp_path / "project")
    (project / "seeds" / "exchange_calendar.csv").write_text(f"mic,last_date\nXETR,{END}\nXLON,2039-12-31\n")
    lake = Lake(tmp_path / "lake", project)
    lake.land([IN_TIME])
    land(lake, "daily_bars", [day("TSLA", END, received_at="2026-07-02T00:00:00.000Z")])
    lake.run()
    ends = dict(lake.query("select mic, max(session_date) from dim_session group by mic"))
    assert ends == {"XETR": date(2026, 6, 30), "XLON": date(2039, 12, 30)}
    late = ("TSLA", "simulated", date(2026, 6, 30), "XNYS", None)
    assert failing_rows(lake) == ("fail", [late, late])


def test_the_packages_own_end_limits_a_calendar(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = date(2039, 12, 31)
    assert generate_exchange_calendars.last_date("XNYS", wanted) == wanted
    calendar = type(exchange_calendars.get_calendar("XNYS"))
    monkeypatch.setattr(calendar, "bound_max", classmethod(lambda _: pd.Timestamp("2030-06-28")))
    assert generate_exchange_calendars.last_date("XNYS", wanted) == date(2030, 6, 28)


def test_the_seeds_are_what_the_package_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    committed = generate_exchange_calendars.SEEDS
    monkeypatch.setattr(generate_exchange_calendars, "SEEDS", tmp_path)
    (tmp_path / "exchange.csv").write_text((committed / "exchange.csv").read_text())
    generate_exchange_calendars.main()
    for name in ("exchange_calendar.csv", "exchange_exception.csv"):
        assert (tmp_path / name).read_text() == (committed / name).read_text()

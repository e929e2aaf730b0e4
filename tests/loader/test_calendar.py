"""Labels to bar starts: START and END, zones, changes of clocks, live bars."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from loader.calendar import parse_bar_start, sessions
from loader.reference import LabelConvention, get_label_convention, get_source
from tickerlake.errors import UserError

NEW_YORK = ZoneInfo("America/New_York")


@pytest.mark.parametrize(
    ("label", "convention", "minutes", "expected"),
    [
        ("2020-10-30 09:31:00", "end", 1, "2020-10-30T13:30:00"),  # summer time
        ("2020-11-02 09:31:00", "end", 1, "2020-11-02T14:30:00"),  # winter time
        ("2020-11-02 09:30:00", "start", 1, "2020-11-02T14:30:00"),
        ("2020-11-02 16:00:00", "end", 15, "2020-11-02T20:45:00"),
        ("2020-11-27 13:00:00", "end", 1, "2020-11-27T17:59:00"),  # early close
        ("2019-12-13 11:00:00-05:00", "start", 1, "2019-12-13T16:00:00"),
        ("2026-03-02T15:00:42Z", "start", 1, "2026-03-02T15:00:00"),  # a live bar stamped "now"
        ("2026-03-08 03:00:00", "start", 1, "2026-03-08T07:00:00"),  # the first hour of summer time
    ],
)
def test_labels_become_starts_in_utc(label: str, convention: str, minutes: int, expected: str) -> None:
    start = parse_bar_start(label, LabelConvention(convention, NEW_YORK), minutes)
    assert start == datetime.fromisoformat(expected).replace(tzinfo=UTC)


@pytest.mark.parametrize("label", ["", "yesterday", "2020-13-01", '    "Error Message": "x"'])
def test_an_unreadable_label_is_no_start(label: str) -> None:
    assert parse_bar_start(label, LabelConvention("start", NEW_YORK), 1) is None


def test_the_label_convention_depends_on_when_the_data_was_received() -> None:
    assert get_label_convention("alphavantage", date(2020, 12, 1)).label == "end"
    assert get_label_convention("alphavantage", date(2024, 1, 1)).label == "start"


def test_an_unknown_source_is_named_with_the_known_ones() -> None:
    with pytest.raises(UserError, match="unknown source 'bloomberg': known are alphavantage, "):
        get_source("bloomberg")


def test_continuous_calendars_trade_every_day() -> None:
    crypto = list(sessions("24/7", date(2026, 3, 6), date(2026, 3, 8)))
    assert [day.opens_at for day in crypto] == [datetime(2026, 3, d, tzinfo=UTC) for d in (6, 7, 8)]
    forex = next(sessions("24/5", date(2026, 3, 6), date(2026, 3, 6)))
    assert forex.opens_at == datetime(2026, 3, 5, 22, tzinfo=UTC), "17:00 in New York on the day before"

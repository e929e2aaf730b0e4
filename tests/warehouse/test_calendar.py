"""Sessions, local dates and split reference data, against independent calendars."""

import csv
from datetime import date, datetime

import exchange_calendars
import pytest

from loader.calendar import sessions
from loader.reference import calendar_ends
from testkit import realdata
from testkit.lake import Lake, bar


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A lake with one bar at each moment the tests ask about."""
    lake = Lake(tmp_path_factory.mktemp("calendar") / "lake")
    lake.land(
        bar(symbol, minute, line_number=number, received_at="2026-11-01T00:00:00Z")
        for number, (symbol, minute, *_) in enumerate(MOMENTS)
    )
    lake.run()
    return lake


MOMENTS = [
    # symbol, bar start (UTC), session, bar date
    ("TSLA", "2026-01-06T00:30:00Z", "post", date(2026, 1, 5)),  # 19:30 of the previous New York date
    ("TSLA", "2026-01-06T00:59:00Z", "post", date(2026, 1, 5)),
    ("TSLA", "2026-01-06T01:00:00Z", "closed", date(2026, 1, 5)),
    ("TSLA", "2020-10-30T13:29:00Z", "pre", date(2020, 10, 30)),  # summer time: the open is at 13:30
    ("TSLA", "2020-10-30T13:30:00Z", "regular", date(2020, 10, 30)),
    ("TSLA", "2020-11-02T14:29:00Z", "pre", date(2020, 11, 2)),  # winter time: at 14:30
    ("TSLA", "2020-11-02T14:30:00Z", "regular", date(2020, 11, 2)),
    ("TSLA", "2026-03-06T09:00:00Z", "pre", date(2026, 3, 6)),
    ("TSLA", "2026-03-06T08:59:00Z", "closed", date(2026, 3, 6)),
    ("TSLA", "2026-03-09T08:00:00Z", "pre", date(2026, 3, 9)),  # the first session of summer time
    ("TSLA", "2020-11-27T17:59:00Z", "regular", date(2020, 11, 27)),  # early close at 13:00
    ("TSLA", "2020-11-27T18:00:00Z", "post", date(2020, 11, 27)),
    ("TSLA", "2020-11-27T22:00:00Z", "closed", date(2020, 11, 27)),
    ("TSLA", "2020-11-26T15:00:00Z", "closed", date(2020, 11, 26)),  # Thanksgiving
    ("TSLA", "2026-03-07T15:00:00Z", "closed", date(2026, 3, 7)),  # a Saturday
    ("BTC-USD", "2026-03-07T23:59:00Z", "continuous", date(2026, 3, 7)),
    ("EURUSD=X", "2026-03-05T21:59:00Z", "continuous", date(2026, 3, 5)),
    ("EURUSD=X", "2026-03-05T22:00:00Z", "continuous", date(2026, 3, 6)),  # 17:00 New York
    ("EURUSD=X", "2026-03-10T21:00:00Z", "continuous", date(2026, 3, 11)),
    ("ZZZZ", "2026-01-06T00:30:00Z", "post", date(2026, 1, 5)),  # not listed: the default calendar
]


def test_bars_get_the_session_and_date_of_their_exchange(stored: Lake) -> None:
    aliases = {"BTC-USD": "BTCUSD", "EURUSD=X": "EURUSD"}
    stored_bars = {
        (r[0], r[1]): (r[2], r[3]) for r in stored.query("select symbol, bar_start_at, session, bar_date from fct_bar")
    }
    for symbol, minute, session, day in MOMENTS:
        key = (aliases.get(symbol, symbol), datetime.fromisoformat(minute).replace(tzinfo=None))
        assert stored_bars[key] == (session, day), (symbol, minute)


@pytest.mark.parametrize("mic", ["XNYS", "XLON", "XETR"])
def test_dim_session_equals_exchange_calendars(stored: Lake, mic: str) -> None:
    last = calendar_ends()[mic]
    calendar = exchange_calendars.get_calendar(mic, start="2000-01-01", end=str(last))
    expected = [
        (day.Index.date(), *(moment.tz_convert(None).to_pydatetime() for moment in (day.open, day.close)))
        for day in calendar.schedule.itertuples()
    ]
    rows = f"select session_date, opens_at, closes_at from dim_session where mic = '{mic}' order by session_date"
    assert stored.query(rows) == expected
    ours = [(s.session_date, s.opens_at, s.closes_at) for s in sessions(mic, date(2000, 1, 1), last)]
    assert [(d, o.replace(tzinfo=None), c.replace(tzinfo=None)) for d, o, c in ours] == expected


def test_dim_session_equals_the_recorded_new_york_calendar(stored: Lake) -> None:
    with realdata.path("calendar/xnys_sessions_2000_2027.csv").open(newline="") as file:
        recorded = [
            (row["session_date"], row["open_utc"], row["close_utc"], row["is_early_close"])
            for row in csv.DictReader(file)
        ]
    ours = stored.query("""
        select cast(session_date as varchar), strftime(opens_at, '%Y-%m-%dT%H:%M:%SZ'),
            strftime(closes_at, '%Y-%m-%dT%H:%M:%SZ'), cast(cast(is_early_close as integer) as varchar)
        from dim_session where mic = 'XNYS' and session_date <= date '2027-12-31' order by 1
    """)
    assert (len(recorded), sum(row[3] == "1" for row in recorded)) == (7041, 61)
    assert ours == recorded


def test_the_split_seed_continues_real_prices_over_a_split(stored: Lake) -> None:
    factors = dict(
        stored.query("""
        select cast(effective_date as varchar), split_factor from lake.tickerlake_intermediate.int_action__known
        where symbol = 'NVDA' and effective_date >= date '2021-01-01'
    """)
    )
    assert factors == {"2021-07-20": 48, "2024-06-10": 480}

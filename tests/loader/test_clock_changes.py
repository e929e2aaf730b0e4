"""Wall-clock times at changes of the clocks, and days stamped on the evening before."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from loader.__main__ import main
from loader.calendar import NonexistentTimeError, parse_bar_starts, parse_session_date
from loader.outcome import Kind
from loader.providers import alphavantage, description, yahoo
from loader.providers.described import parse_payload
from loader.providers.http_json import HttpJson
from loader.providers.parse_context import ParseContext
from loader.reference import LabelConvention, get_exchange
from loader.run import Run
from testkit import realdata
from tests.loader.raw_zone import read_landed

NEW_YORK = ZoneInfo("America/New_York")
HEADER = "timestamp,open,high,low,close,volume\n"
FALL = ["--provider", "alphavantage_csv", "--symbol", "BTCUSD", "--source", "alphavantage"]


def starts_of(labels: list[str], minutes: int = 1, label: str = "start", zone: ZoneInfo = NEW_YORK) -> list[str | None]:
    starts = parse_bar_starts(labels, LabelConvention(label, zone), minutes)
    return [f"{start:%d %H:%M}" if start else None for start in starts]


def wall_clock(first: str, minutes: int, zone: ZoneInfo = NEW_YORK) -> list[str]:
    """Return the wall clock of so many consecutive minutes from a UTC time on."""
    start = datetime.fromisoformat(first).replace(tzinfo=UTC)
    return [f"{(start + timedelta(minutes=at)).astimezone(zone):%Y-%m-%d %H:%M:%S}" for at in range(minutes)]


def test_the_repeated_hour_of_autumn_is_resolved_by_the_order_of_the_file(tmp_path: Path) -> None:
    text = realdata.case("files/BTCUSD_fall.csv").read_text()
    header, *rows = text.splitlines()
    for name, lines in (("ascending", rows), ("descending", rows[::-1])):
        file = tmp_path / name / "BTCUSD.csv"
        file.parent.mkdir()
        file.write_text("\n".join([header, *lines]) + "\n")
        lake = tmp_path / name / "lake"
        command = ["replay", str(file), *FALL, "--timezone", "America/New_York"]
        assert main([*command, "--lake", str(lake)]) == 0
        starts = sorted(bar["bar_start"] for bar in read_landed(lake))
        first = datetime(2024, 11, 3, 4, tzinfo=UTC)
        assert starts == [f"{first + timedelta(minutes=at):%Y-%m-%dT%H:%M:%SZ}" for at in range(240)]


def test_an_hour_that_does_not_exist_proves_another_zone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = str(realdata.case("files/BTCUSD_spring.csv"))
    lake = ["--lake", str(tmp_path / "lake")]
    assert main(["replay", file, *FALL, "--timezone", "America/New_York", *lake]) == 2
    reason = "local time 02:00 does not exist on 2024-03-10 in America/New_York: the file is in another zone"
    assert f"{reason}; pass --timezone" in capsys.readouterr().err
    assert not (tmp_path / "lake").exists()
    assert main(["replay", file, *FALL, "--timezone", "EST", *lake]) == 0
    starts = {bar["bar_start"] for bar in read_landed(tmp_path / "lake")}
    assert (len(starts), min(starts)) == (180, "2024-03-10T06:00:00Z")


@pytest.mark.parametrize(
    ("zone", "first"),
    [
        ("America/New_York", "2024-11-03T03:00:00"),
        ("Europe/Berlin", "2024-10-26T22:00:00"),
        ("Australia/Lord_Howe", "2024-04-06T13:00:00"),  # the clocks go back by half an hour
        ("America/Sao_Paulo", "2018-02-18T00:00:00"),  # from midnight to the day before
    ],
)
@pytest.mark.parametrize("label", ["start", "end"])
@pytest.mark.parametrize("step", [1, -1])
def test_every_zone_s_change_is_resolved_in_both_orders(zone: str, first: str, label: str, step: int) -> None:
    labels = wall_clock(first, 300, ZoneInfo(zone))[::step]
    starts = parse_bar_starts(labels, LabelConvention(label, ZoneInfo(zone)), 1)
    shift = timedelta(minutes=label == "end")
    expected = [datetime.fromisoformat(first).replace(tzinfo=UTC) + timedelta(minutes=at) - shift for at in range(300)]
    assert starts == expected[::step]


def test_times_that_the_order_does_not_tell_apart_have_no_start() -> None:
    day = "2024-11-03"
    single = [f"{day} 00:59", f"{day} 01:10", f"{day} 01:40", f"{day} 02:00"]
    assert starts_of(single) == ["03 04:59", None, None, "03 07:00"]
    twice_back = [f"{day} {clock}" for clock in ("00:59", "01:10", "01:40", "01:20", "01:10", "02:00")]
    assert starts_of(twice_back)[1:5] == [None] * 4
    unsorted = [f"{day} {clock}" for clock in ("03:00", "00:10", "01:10", "01:40", "01:20", "02:00", "01:59")]
    assert starts_of(unsorted)[2:5] == [None] * 3
    doubled = [f"{day} {clock}" for clock in ("00:59", "01:10", "01:10", "01:11", "02:00")]
    assert starts_of(doubled)[1:4] == [None] * 3
    hours = [f"{day} {clock}" for clock in ("00:00", "01:00", "01:00", "02:00")]
    assert starts_of(hours, 60) == ["03 04:00", "03 05:00", "03 06:00", "03 07:00"]
    sparse = [f"{day} {clock}" for clock in ("01:10", "01:40", "01:20")]
    assert starts_of(sparse) == ["03 05:10", "03 05:40", "03 06:20"]
    offsets = [f"{day}T01:30:00-05:00", "soon", f"{day}T01:30:00-04:00"]
    assert starts_of(offsets) == ["03 06:30", None, "03 05:30"]


CSV = description.load("alphavantage_csv")


def alphavantage_body(labels: list[str]) -> bytes:
    row = {"1. open": "1", "2. high": "1", "3. low": "1", "4. close": "1", "5. volume": "1"}
    return json.dumps({"Time Series (1min)": dict.fromkeys(labels, row)}).encode()


def test_every_parser_of_wall_clocks_refuses_a_time_that_does_not_exist() -> None:
    labels = ["2024-03-10 01:59:00", "2024-03-10 02:00:00"]
    names = ("time", "open", "high", "low", "close", "volume")
    described = HttpJson(description.build({"url": "https://x", "rows": [], "fields": {name: name for name in names}}))
    context = ParseContext.build("alphavantage", "TSLA", "1min", date(2024, 3, 11), label="start")
    rows = [dict.fromkeys(names, "1") | {"time": label} for label in labels]
    outcomes = [
        parse_payload((HEADER + "".join(f"{label},1,1,1,1,1\n" for label in labels)).encode(), context, CSV),
        alphavantage.parse(alphavantage_body(labels), context),
        described.parse(json.dumps(rows).encode(), context),
    ]
    for outcome in outcomes:
        assert (outcome.kind, outcome.bars) == (Kind.UNKNOWN, [])
        assert outcome.message.startswith("local time 02:00 does not exist on 2024-03-10 in America/New_York")
    with pytest.raises(NonexistentTimeError):
        starts_of(labels)


def chart(stamps: list[int], zone: str, **meta: object) -> bytes:
    quote = {name: [1.5] * len(stamps) for name in ("open", "high", "low", "close", "volume")}
    result: dict[str, Any] = {"meta": {"dataGranularity": "1d", "exchangeTimezoneName": zone, **meta}}
    result |= {"timestamp": stamps, "indicators": {"quote": [quote]}}
    return json.dumps({"chart": {"result": [result]}}).encode()


def days_of(body: bytes, symbol: str = "TSLA") -> list[str]:
    context = ParseContext.build("yahoo", symbol, "1min", date(2024, 6, 6))
    return [str(day.session_date) for day in yahoo.parse_daily(body, context).daily_bars]


def test_days_stamped_on_the_evening_before_have_their_own_date() -> None:
    body = realdata.case("answers/PETR4.SA.1d.json").read_bytes()
    january = [3, 4, 5, 6, 7, 10, 11, 12, 13, 14]
    assert days_of(body, "PETR4.SA") == [f"2022-01-{day:02d}" for day in january]


def test_a_live_row_stamped_now_has_today_s_date() -> None:
    now = int(datetime(2024, 6, 5, 23, 30, tzinfo=UTC).timestamp())
    midnight = now - now % 86_400
    stamps = [midnight - 86_400, midnight, now]
    assert days_of(chart(stamps, "UTC", regularMarketTime=now), "BTC-USD") == ["2024-06-04", "2024-06-05", "2024-06-05"]
    assert days_of(chart([midnight, now + 17], "UTC")) == ["2024-06-05", "2024-06-05"]
    assert days_of(chart([midnight, now], "UTC")) == ["2024-06-05", "2024-06-06"], "a stamp, when it is not now"


def test_an_event_stamped_on_the_evening_before_has_its_own_date() -> None:
    body = json.loads(chart([1641175200], "America/Sao_Paulo"))
    body["chart"]["result"][0]["events"] = {"dividends": {"1": {"date": 1641175200, "amount": 0.5}}}
    context = ParseContext.build("yahoo", "PETR4.SA", "1min", date(2024, 6, 6))
    (action,) = yahoo.parse_daily(json.dumps(body).encode(), context).actions
    assert action.effective_date == date(2022, 1, 3)


@pytest.mark.parametrize(
    ("label", "mic", "expected"),
    [
        ("2024-06-05", "XNYS", "2024-06-05"),
        ("2024-06-05T00:00:00+00:00", "XNYS", "2024-06-05"),
        ("2024-06-05T04:00:00+00:00", "XNYS", "2024-06-05"),  # midnight in New York
        ("2024-06-05 00:00:00-04:00", "XNYS", "2024-06-05"),
        ("2024-06-04T22:00:00+00:00", "XETR", "2024-06-05"),  # midnight in Berlin
        ("2024-12-04T22:00:00+00:00", "XETR", "2024-12-05"),  # an hour before midnight in Berlin
        ("2024-06-04 23:00:00", "XNYS", "2024-06-05"),
        ("2024-06-05 16:00:00", "XNYS", "2024-06-05"),
        ("2024-06-05T23:59:59Z", "24/7", "2024-06-05"),
        ("2024-06-05T21:00:00Z", "24/5", "2024-06-06"),  # 17:00 in New York begins the next day
        ("soon", "XNYS", "None"),
    ],
)
def test_a_label_of_a_day_means_a_date_of_its_exchange(label: str, mic: str, expected: str) -> None:
    assert str(parse_session_date(label, get_exchange(mic))) == expected


def test_an_adjusted_close_that_is_no_number_does_not_refuse_the_day(tmp_path: Path) -> None:
    body = realdata.case("answers/INFA.1d.json").read_bytes()
    context = ParseContext.build("yahoo", "INFA", "1min", date(2024, 6, 10))
    days = yahoo.parse_daily(body, context).daily_bars
    assert [(day.close, day.adjusted_close) for day in days] == [
        ("10.2", None),
        ("10.7", None),
        ("11.2", "11.2"),
        ("11.7", "11.7"),
        ("12.2", "12.2"),
    ]
    run = Run(tmp_path, "fetch", "yahoo", datetime(2024, 6, 10, tzinfo=UTC))
    run.add_response(yahoo.parse_daily(body, context), body, datetime(2024, 6, 10, tzinfo=UTC))
    ledger = run.finish(datetime(2024, 6, 10, tzinfo=UTC))
    assert (ledger["confirmed"], ledger["null_adjusted_closes"]) == (5, 2)
    for text in ("NaN", "-Infinity", "1e400", "n/a", ""):
        assert context.daily_bar("2024-06-05", ["1"] * 4, text, "1").adjusted_close is None

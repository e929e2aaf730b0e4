"""Every known response of a vendor has its typed outcome, and no response can crash a parser or forge a bar."""

import json
import os
import re
import tracemalloc
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loader.http import HttpResponse, classify_status
from loader.outcome import Kind, Outcome
from loader.providers import alphavantage, description, yahoo
from loader.providers.described import parse_payload
from loader.providers.http_json import HttpJson
from loader.providers.parse_context import ParseContext
from loader.record import Stamp, bar_line, corporate_action_line, daily_bar_line
from testkit import realdata
from tests.loader.vendor_server import YAHOO_1MIN

EXAMPLES = 20_000 if os.environ.get("TICKERLAKE_SOAK") else 150
RECORDED = {
    "throttle_2018_2023_note": Kind.BURST_LIMIT,
    "daily_quota_information": Kind.DAILY_QUOTA,
    "burst_1_per_second_information": Kind.BURST_LIMIT,
    "premium_endpoint_information": Kind.ENTITLEMENT,
    "invalid_call": Kind.BAD_REQUEST,
    "invalid_key": Kind.BAD_KEY,
    "empty_global_quote_unknown_symbol": Kind.UNKNOWN_SYMBOL,
    "empty_object": Kind.EMPTY,
    "demo_key": Kind.BAD_KEY,
}
IBM = ParseContext.build("alphavantage", "IBM", "5min", date(2021, 10, 29))
TSLA = ParseContext.build("yahoo", "TSLA", "1min", date(2026, 3, 2))
AV_PARSERS = (alphavantage.parse, alphavantage.parse_daily, alphavantage.parse_actions)


def test_every_recorded_error_has_its_outcome() -> None:
    recorded = json.loads(realdata.path("payloads/alphavantage/error_and_throttle_payloads.json").read_text())
    assert {case["case"] for case in recorded} == set(RECORDED)
    for case in recorded:
        for parse in AV_PARSERS:
            outcome = parse(json.dumps(case["body"]).encode(), IBM)
            assert (case["case"], outcome.kind) == (case["case"], RECORDED[case["case"]])
            assert not (outcome.bars or outcome.daily_bars or outcome.actions)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"Error Message": "This API function (X) does not exist."}, Kind.BAD_REQUEST),
        (
            {
                "Information": "Please consider spreading out your free API requests "
                "more sparingly. You may subscribe to a premium plan to instantly unlock all premium endpoints"
            },
            Kind.BURST_LIMIT,
        ),
        (
            {"Information": "The outputsize=full parameter value is a premium feature for the TIME_SERIES_DAILY."},
            Kind.ENTITLEMENT,
        ),
        ({"Information": "The **demo** API key is for demo purposes only."}, Kind.BAD_KEY),
        ({"Information": "Please query the demo URLs at no more than 2 requests per second."}, Kind.BURST_LIMIT),
        ({"Note": "The TIME_SERIES_INTRADAY_EXTENDED API has been merged with TIME_SERIES_INTRADAY"}, Kind.BAD_REQUEST),
        ({"Meta Data": {}, "Time Series (5min)": {}}, Kind.EMPTY),
        ({"Global Quote - DATA DELAYED BY 15 MINUTES": {}}, Kind.UNKNOWN_SYMBOL),
        ({"Information": "Something never seen before."}, Kind.UNKNOWN),
        ({"Meta Data": {"2. Symbol": "XXYYZZ"}, "Time Series (5min)": {"2021-10-27 20:00:00": {}}}, Kind.ENTITLEMENT),
        ({"Meta Data": {"2. Symbol": "MSFT"}, "Time Series (5min)": {"2021-10-27 20:00:00": {}}}, Kind.UNKNOWN),
        ({"Meta Data": {"4. Interval": "1min"}, "Time Series (5min)": {"2021-10-27 20:00:00": {}}}, Kind.UNKNOWN),
        ("<!DOCTYPE html><html><title>Application Error</title></html>", Kind.TRANSPORT),
        ("", Kind.EMPTY),
        ("[" * 100_000, Kind.UNKNOWN),
    ],
)
def test_shapes_users_reported_have_their_outcome(body: object, kind: Kind) -> None:
    payload = (body if isinstance(body, str) else json.dumps(body)).encode()
    assert alphavantage.parse(payload, IBM).kind is kind


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (0, b"", Kind.TRANSPORT),
        (401, b'{"message":"Invalid API key. Go to https://docs.rapidapi.com/docs/keys for more info."}', Kind.BAD_KEY),
        (403, b'{"message":"You are not subscribed to this API."}', Kind.ENTITLEMENT),
        (429, b'{"message":"You have exceeded the rate limit per minute for your plan, BASIC"}', Kind.BURST_LIMIT),
        (429, b'{"message":"You have exceeded the DAILY quota for Requests on your plan"}', Kind.DAILY_QUOTA),
        (429, b"Too Many Requests", Kind.BURST_LIMIT),
        (302, b"", Kind.TRANSPORT),
        (500, b"oops", Kind.TRANSPORT),
        (503, b"<html>", Kind.TRANSPORT),
    ],
)
def test_statuses_have_their_outcome(status: int, body: bytes, kind: Kind) -> None:
    outcome = classify_status(HttpResponse(status, body))
    assert outcome is not None
    assert outcome.kind is kind


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ('{"chart":{"result":null,"error":{"code":"Not Found","description":"No data"}}}', Kind.UNKNOWN_SYMBOL),
        ('{"chart":{"result":null,"error":{"code":"Bad Request","description":"\\n"}}}', Kind.BAD_REQUEST),
        ('{"chart":{"result":[],"error":null}}', Kind.UNKNOWN),
        ("<html><body>We value your privacy: consent</body></html>", Kind.TRANSPORT),
        ("Too Many Requests\r\n", Kind.BURST_LIMIT),
        ("null", Kind.UNKNOWN),
        ('{"chart":7}', Kind.UNKNOWN),
    ],
)
def test_yahoo_answers_without_bars_have_their_outcome(body: str, kind: Kind) -> None:
    for parse in (yahoo.parse, yahoo.parse_daily):
        assert parse(body.encode(), TSLA).kind is kind


@pytest.mark.parametrize("name", ["length", "quote"])
def test_prices_without_times_are_no_empty_day(name: str) -> None:
    file = {"length": "chart-notimestamp-quotes-length", "quote": "chart-notimestamp-weird-quote"}[name]
    body = json.loads(realdata.path(f"payloads/yahoo_chart_v8/{file}.fake.body.json").read_text())["body"]
    context = ParseContext.build("yahoo", "AAPL", "1min", date(2025, 2, 20))
    assert yahoo.parse_daily(json.dumps(body).encode(), context).kind is Kind.UNKNOWN


def series(*labels: str) -> bytes:
    row = {"1. open": "86.49", "2. high": "86.50", "3. low": "86.47", "4. close": "86.50", "5. volume": "10494"}
    meta = {"2. Symbol": "IBM", "4. Interval": "5min", "6. Time Zone": "US/Eastern"}
    return json.dumps({"Meta Data": meta, "Time Series (5min)": dict.fromkeys(labels, row)}).encode()


DESCRIBED = HttpJson(
    description.build(
        {
            "url": "https://x/{symbol}",
            "rows": ["data"],
            "fields": {n: n for n in ("time", "open", "high", "low", "close", "volume", "adjusted_close")},
        }
    )
)
CSV = description.load("alphavantage_csv")
DESCRIBED_ROW = {"time": "2026-03-02T14:30:00Z", "open": 1.5, "high": 2, "low": 1, "close": 1.75, "volume": 10}
SEEDS: list[tuple[Callable[[bytes, ParseContext], Outcome], ParseContext, bytes]] = [
    (alphavantage.parse, IBM, series("2021-10-27 20:00:00", "2021-10-27 19:55:00")),
    (alphavantage.parse_daily, IBM, series("2021-10-27", "2021-10-28")),
    (
        alphavantage.parse_actions,
        IBM,
        b'{"symbol":"IBM","data":[{"effective_date":"1999-05-27","split_factor":"2.0000"},{"ex_dividend_date":'
        b'"2025-02-10","amount":"1.67"}]}',
    ),
    (yahoo.parse, TSLA, json.dumps(YAHOO_1MIN).encode()),
    (yahoo.parse, TSLA, json.dumps(YAHOO_1MIN).replace('"USD"', '"GBp"').encode()),
    (
        yahoo.parse_daily,
        TSLA,
        json.dumps(YAHOO_1MIN)
        .replace('"1m"}', '"1d","exchangeTimezoneName":"America/New_York"}')
        .replace(
            '"indicators"', '"events":{"splits":{"1":{"date":1772461800,"numerator":3,"denominator":1}}},"indicators"'
        )
        .encode(),
    ),
    (DESCRIBED.parse, TSLA, json.dumps({"data": [DESCRIBED_ROW, DESCRIBED_ROW]}).encode()),
    (
        lambda body, context: parse_payload(body, context, CSV),
        TSLA,
        b"timestamp,open,high,low,close,volume\n2026-03-02 14:30:00,1,2,1,1.5,10\n",
    ),
]
ODD_TEXT = [
    b"null",
    b"[]",
    b"{}",
    b"NaN",
    b"-Infinity",
    b"1e999999999",
    b"-1e-99999999",
    b"9" * 5000,
    b"true",
    b'""',
    b"\x00",
    b"0001-01-01T00:00:00+14:00",
    b"9999-12-31 23:59:59",
    b"99999999999999",
    b"-1",
    b"[" * 3000,
    b"{",
    b'"\\ud800"',
    b"<html>",
    b"\xff\xfe",
    b'"1e5"',
    b"1E+30",
    b'"2024-W01-1"',
]


def mutations(body: bytes) -> st.SearchStrategy[bytes]:
    """Bodies that were cut, overwritten, or had a JSON value replaced by an odd one."""
    spans = [match.span() for match in re.finditer(rb'"[^"]*"|-?[0-9.]+|null|\[[^\[\]]*\]', body)]
    place = st.integers(0, len(body))
    replaced = st.lists(st.tuples(st.sampled_from(spans), st.sampled_from(ODD_TEXT)), min_size=1, max_size=3)
    return st.one_of(
        place.map(lambda at: body[:at]),
        st.tuples(place, place, st.binary(max_size=40)).map(lambda cut: body[: cut[0]] + cut[2] + body[cut[1] :]),
        replaced.map(lambda changes: replace(body, changes)),
        st.sampled_from(ODD_TEXT),
        st.binary(max_size=200),
    )


def replace(body: bytes, changes: list[tuple[tuple[int, int], bytes]]) -> bytes:
    for (start, end), text in sorted(changes, reverse=True):
        body = body[:start] + text + body[end:]
    return body


@pytest.mark.parametrize("seed", range(len(SEEDS)))
def test_no_body_breaks_a_parser_or_forges_a_bar(seed: int) -> None:
    parse, context, body = SEEDS[seed]
    stamp = Stamp(datetime(2026, 3, 3, tzinfo=UTC), "R", "")

    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(mutations(body))
    def check(mutated: bytes) -> None:
        outcome = parse(mutated, context)
        assert len(outcome.message) < 300
        texts = mutated.decode("utf-8", "replace")
        for bar in outcome.bars:
            bar_line(bar, stamp, 1)
            assert bar.symbol == context.symbol
            for value in (bar.open, bar.high, bar.low, bar.close):
                assert_vendors_own(value, texts, bar.currency != "USD")
        for day in outcome.daily_bars:
            daily_bar_line(day, stamp, 1)
            for value in (day.open, day.high, day.low, day.close):
                assert_vendors_own(value, texts, day.currency != "USD")
        for action in outcome.actions:
            corporate_action_line(action, stamp, 1)

    check()


@pytest.mark.parametrize("unit", [b"[],", b"{},", b'"a",', b"1,", b'{"a":1},', b"[[1]],", b"9" * 4999 + b","])
def test_memory_is_bounded_by_the_size_of_the_body(unit: bytes) -> None:
    size = 20_000
    values = b"[" + unit * (size // len(unit)) + b"0]"
    times, prices = b'{"chart":{"result":[{"meta":{},"timestamp":', b',"indicators":{"quote":[{"open":'
    bodies: list[tuple[Callable[[bytes, ParseContext], Outcome], bytes]] = [
        (DESCRIBED.parse, b'{"data":' + values + b"}"),
        (yahoo.parse, times + values + prices + values + b"}]}}]}}"),
    ]
    tracemalloc.start()
    try:
        for parser, body in bodies:
            tracemalloc.reset_peak()
            parser(body, TSLA)
            assert tracemalloc.get_traced_memory()[1] < 200 * len(body)
    finally:
        tracemalloc.stop()


def test_a_body_beyond_the_limit_is_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loader.decode.MAX_BYTES", 10)
    assert yahoo.parse(b'{"chart": {}}', TSLA).kind is Kind.UNKNOWN
    assert alphavantage.parse(b'{"Time Series (5min)": {}}', IBM).kind is Kind.UNKNOWN


def assert_vendors_own(value: str | None, texts: str, is_minor: bool) -> None:
    """A plain price must stand in the body, digit for digit; in minor units, its digits must."""
    if value is None or not re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", value):
        return
    if "e" in texts.lower().replace("e+30", "e") and len(value.strip("-0.")) <= 1:
        return  # written out from an exponent
    digits = value.replace(".", "").lstrip("-0") if is_minor else value
    assert digits.rstrip("0") in texts.replace(".", "") if is_minor else digits in texts


def test_a_live_bar_is_floored_not_final_and_loses_to_its_own_bar() -> None:
    body: Any = json.loads(json.dumps(YAHOO_1MIN))
    result = body["chart"]["result"][0]
    result["timestamp"][2] = 1772461800 + 47
    bars = yahoo.parse(json.dumps(body).encode(), TSLA).bars
    assert [(bar.is_live, bar.bar_start) for bar in bars] == [
        (True, datetime(2026, 3, 2, 14, 30, tzinfo=UTC)),
        (False, datetime(2026, 3, 2, 14, 30, tzinfo=UTC)),
    ]
    later = datetime(2026, 3, 9, tzinfo=UTC)
    assert [bar.is_final(later) for bar in bars] == [False, True]


@pytest.mark.parametrize(
    ("interval", "served", "before", "live", "start"),
    [
        ("5min", "5m", "14:30", "14:37:12", "14:35"),
        ("15min", "15m", "14:30", "14:46:00", "14:45"),
        ("60min", "1h", "14:30", "15:47:03", "15:30"),
        ("60min", "1h", "14:00", "14:30:00", "14:30"),
    ],
)
def test_a_live_bar_is_floored_to_its_interval(interval: str, served: str, before: str, live: str, start: str) -> None:
    def epoch(clock: str) -> int:
        return int(datetime.fromisoformat(f"2026-03-02T{clock}+00:00").timestamp())

    quote: dict[str, list[int]] = {name: [1, 1] for name in ("open", "high", "low", "close", "volume")}
    result = {
        "meta": {"dataGranularity": served},
        "timestamp": [epoch(before), epoch(live)],
        "indicators": {"quote": [quote]},
    }
    context = ParseContext.build("yahoo", "TSLA", interval, date(2026, 3, 2))
    bars = yahoo.parse(json.dumps({"chart": {"result": [result]}}).encode(), context).bars
    assert bars[-1].bar_start == datetime.fromisoformat(f"2026-03-02T{start}+00:00")


def test_minor_units_lose_no_digit() -> None:
    body = json.dumps(YAHOO_1MIN).replace('"USD"', '"GBp"').replace("100.4,", "100.4000244140625,")
    bars = yahoo.parse(body.encode(), TSLA).bars
    assert (bars[0].close, bars[0].currency, bars[0].volume) == ("1.004000244140625", "GBP", "1200")

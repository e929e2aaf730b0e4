"""Every shipped description of an API, played by a server on this machine with bodies of their documented shape."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from loader.http import Http
from loader.outcome import Kind, Outcome
from loader.providers import description, registry
from loader.providers.base import FetchRequest
from loader.providers.http_json import HttpJson
from loader.providers.parse_context import ParseContext
from loader.redact import Redactor
from tests.loader.vendor_server import ReceivedRequest, VendorServer

KEY = "a-key-of-sixteen"
OPENS = datetime(2024, 6, 5, 13, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
Respond = Callable[[ReceivedRequest], tuple[int, bytes]]


def provider(name: str, server: VendorServer) -> HttpJson:
    built = registry.build_provider(name, {f"TICKERLAKE_{name.upper()}_URL": server.url})
    assert isinstance(built, HttpJson)
    return built


def fetch(name: str, respond: Respond, minutes: int = 3, symbol: str = "TSLA") -> tuple[Outcome, list[ReceivedRequest]]:
    request = FetchRequest("bars", OPENS, OPENS + minutes * MINUTE)
    with VendorServer(respond) as server, Http(Redactor([KEY])) as http:
        built = provider(name, server)
        context = ParseContext.build(built.source, symbol, "1min", date(2024, 6, 6), "start", "UTC")
        _, outcome = built.fetch(http, context, request, KEY if built.key_variable else "")
    return outcome, server.requests


def epochs(count: int = 3, first: datetime = OPENS) -> list[int]:
    return [int((first + at * MINUTE).timestamp()) for at in range(count)]


ROW: dict[str, Any] = {"o": 1.5, "h": 1.75, "l": 1.25, "c": 1.6, "v": 10}
NAMED: dict[str, Any] = {"open": 1.5, "high": 1.75, "low": 1.25, "close": 1.6, "volume": 10}
BODIES: dict[str, Any] = {
    "massive": {"status": "OK", "results": [ROW | {"t": at * 1000, "n": 3} for at in epochs()]},
    "alpaca": {"bars": [ROW | {"t": f"2024-06-05T13:3{at}:00Z"} for at in range(3)], "next_page_token": None},
    "tiingo": [NAMED | {"date": f"2024-06-05T13:3{at}:00.000Z"} for at in range(3)],
    "twelvedata": {
        "meta": {"symbol": "TSLA"},
        "values": [
            {name: str(value) for name, value in NAMED.items()} | {"datetime": f"2024-06-05 13:3{at}:00"}
            for at in range(3)
        ],
        "status": "ok",
    },
    "finnhub": {"t": epochs(), **{name: [value] * 3 for name, value in ROW.items()}, "s": "ok"},
    "eodhd": [NAMED | {"timestamp": at, "gmtoffset": 0, "datetime": "2024"} for at in epochs()],
    "binance": [
        [at * 1000, "1.5", "1.75", "1.25", "1.6", "10", at * 1000 + 59999, "1", 1, "1", "1", "0"] for at in epochs()
    ],
    "coinbase": [[at, 1.25, 1.75, 1.5, 1.6, 10] for at in epochs()[::-1]],
}


def test_every_shipped_api_is_played() -> None:
    assert set(registry.described_apis()) == BODIES.keys()


@pytest.mark.loopback
@pytest.mark.parametrize("name", BODIES)
def test_bars_are_read_and_the_key_is_sent(name: str) -> None:
    outcome, requests = fetch(name, lambda _: (200, json.dumps(BODIES[name]).encode()))
    assert outcome.kind is Kind.BARS, outcome
    assert sorted(bar.bar_start for bar in outcome.bars if bar.bar_start) == [OPENS + at * MINUTE for at in range(3)]
    assert {(bar.open, bar.high, bar.low, bar.close, bar.volume) for bar in outcome.bars} == {
        ("1.5", "1.75", "1.25", "1.6", "10")
    }
    sent = json.dumps([[request.query, request.headers] for request in requests])
    assert (KEY in sent) == bool(provider_key(name))


def provider_key(name: str) -> str:
    return registry.build_provider(name, {}).key_variable


@pytest.mark.loopback
@pytest.mark.parametrize("name", BODIES)
def test_an_error_or_odd_body_is_a_typed_outcome_without_the_key(name: str) -> None:
    for status, body in (
        (401, b'{"message":"bad"}'),
        (429, b"slow"),
        (500, b""),
        (404, b'{"message":"NotFound"}'),
        (400, b'{"code":-1121,"msg":"Invalid symbol."}'),
        (200, b"<html>"),
        (200, b'{"error":{"message":"' + KEY.encode() + b'"}}'),
        (200, b'"' + KEY.encode()),
        (200, b"[1,2]"),
    ):
        outcome, _ = fetch(name, lambda _, answer=(status, body): answer)  # type: ignore[misc]
        assert outcome.kind is not Kind.BARS or not outcome.bars or all(b.bar_start is None for b in outcome.bars)
        assert KEY not in repr(outcome)


@pytest.mark.loopback
@pytest.mark.parametrize(
    ("name", "body", "kind"),
    [
        (
            "twelvedata",
            {"code": 429, "message": "run out of API credits for the current minute", "status": "error"},
            Kind.BURST_LIMIT,
        ),
        (
            "twelvedata",
            {"code": 429, "message": "run out of API credits for the day", "status": "error"},
            Kind.DAILY_QUOTA,
        ),
        (
            "twelvedata",
            {"code": 400, "message": "No data is available on the specified dates.", "status": "error"},
            Kind.EMPTY,
        ),
        ("finnhub", {"s": "no_data"}, Kind.EMPTY),
        ("finnhub", {"error": "You don't have access to this resource."}, Kind.ENTITLEMENT),
        ("massive", {"status": "OK", "resultsCount": 0}, Kind.EMPTY),
        ("massive", {"status": "ERROR", "error": "Unknown API Key"}, Kind.BAD_KEY),
        ("alpaca", {"bars": None, "next_page_token": None}, Kind.EMPTY),
        ("binance", {"code": -1003, "msg": "Too many requests"}, Kind.BURST_LIMIT),
        ("coinbase", [], Kind.EMPTY),
        ("coinbase", [[epochs()[0] * 1000, 1, 1, 1, 1, 1]], Kind.UNREADABLE),
    ],
)
def test_an_envelope_in_a_200_is_a_typed_outcome(name: str, body: Any, kind: Kind) -> None:
    outcome, _ = fetch(name, lambda _: (200, json.dumps(body).encode()))
    assert outcome.kind is kind, outcome
    if kind is Kind.UNREADABLE:
        assert "looks like milliseconds: write time_unit: milliseconds" in outcome.message


@pytest.mark.loopback
def test_pages_by_token_and_by_address_are_joined() -> None:
    def alpaca(request: ReceivedRequest) -> tuple[int, bytes]:
        at = int(request.query.get("page_token", "0"))
        bars = [ROW | {"t": f"2024-06-05T13:3{at}:00Z"}]
        return 200, json.dumps({"bars": bars, "next_page_token": str(at + 1) if at < 2 else None}).encode()

    def massive(request: ReceivedRequest) -> tuple[int, bytes]:
        at = int(request.query.get("cursor", "0"))
        body = {"results": [ROW | {"t": epochs()[at] * 1000}]}
        following = {"next_url": f"https://api.polygon.io/v2/aggs/next?cursor={at + 1}"} if at < 2 else {}
        return 200, json.dumps(body | following).encode()

    for name, respond in (("alpaca", alpaca), ("massive", massive)):
        outcome, requests = fetch(name, respond)
        assert [bar.bar_start for bar in outcome.bars] == [OPENS + at * MINUTE for at in range(3)]
        assert len(requests) == 3
    assert {request.query["apiKey"] for request in requests} == {KEY}, "the next address has no key of its own"


@pytest.mark.loopback
def test_a_page_that_fails_fails_the_whole_and_a_page_that_repeats_ends() -> None:
    def fails(request: ReceivedRequest) -> tuple[int, bytes]:
        if "page_token" in request.query:
            return 500, b""
        return 200, json.dumps({"bars": [ROW | {"t": "2024-06-05T13:30:00Z"}], "next_page_token": "x"}).encode()

    outcome, _ = fetch("alpaca", fails)
    assert (outcome.kind, outcome.bars) == (Kind.TRANSPORT, [])
    same = json.dumps({"bars": [ROW | {"t": "2024-06-05T13:30:00Z"}], "next_page_token": "x"}).encode()
    outcome, requests = fetch("alpaca", lambda _: (200, same))
    assert (outcome.kind, outcome.bars) == (Kind.UNKNOWN, [])
    assert len(requests) < 5


@pytest.mark.loopback
def test_a_full_answer_is_asked_on_from_its_last_row() -> None:
    def respond(request: ReceivedRequest) -> tuple[int, bytes]:
        first, until = (int(request.query[name]) // 60000 for name in ("startTime", "endTime"))
        rows = [[at * 60000, "1.5", "1.75", "1.25", "1.6", "10"] for at in range(first, until + 1)][:1000]
        return 200, json.dumps(rows).encode()

    outcome, requests = fetch("binance", respond, minutes=2500)
    assert len(outcome.bars) == 2500
    assert len({bar.bar_start for bar in outcome.bars}) == 2500
    assert len(requests) == 3


@pytest.mark.loopback
def test_a_full_answer_without_the_oldest_rows_is_never_done() -> None:
    newest = [[at, 1.25, 1.75, 1.5, 1.6, 10] for at in epochs(300, OPENS + 700 * MINUTE)[::-1]]
    outcome, _ = fetch("coinbase", lambda _: (200, json.dumps(newest).encode()), minutes=1000)
    assert outcome.kind is Kind.UNKNOWN
    assert "an answer of 300 rows is cut off" in outcome.message


def test_requests_are_no_longer_than_an_answer() -> None:
    day = FetchRequest("bars", OPENS, OPENS + timedelta(days=1))
    assert len(registry.build_provider("binance", {}).plan(day, "1min")) == 2
    assert len(registry.build_provider("coinbase", {}).plan(day, "1min")) == 6
    offset = {"by": "offset"}
    body = {"url": "https://x?o={offset}", "rows": [], "max_rows": "2", "paging": offset}
    fields = {name: name for name in ("time", "open", "high", "low", "close", "volume")}
    assert description.build(body | {"fields": fields}).paging is not None
    with pytest.raises(ValueError, match=r"'paging' by offset needs \{offset\} in 'url'"):
        description.build(body | {"fields": fields, "url": "https://x"})


def test_the_environment_names_the_key_of_a_described_api() -> None:
    built = registry.build_provider("twelvedata", {})
    assert built.key_variable == "TICKERLAKE_TWELVEDATA_KEY"
    assert registry.read_keys(built, {"TICKERLAKE_TWELVEDATA_KEY": f"{KEY},{KEY}2"}) == [KEY, f"{KEY}2"]

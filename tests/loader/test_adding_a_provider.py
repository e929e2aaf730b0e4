"""The guide `docs/adding-a-provider.md`, followed for a vendor that does not exist."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from loader.__main__ import main
from loader.decode import decode, mapping
from loader.http import Http, classify_status
from loader.outcome import Kind, Outcome
from loader.providers import registry
from loader.providers.base import FetchRequest, Limits
from loader.providers.parse_context import ParseContext
from tests.loader.raw_zone import read_landed
from tests.loader.vendor_server import VendorServer

KEY = "a-key-of-sixteen"


@dataclass(frozen=True, slots=True)
class Acme:
    """A vendor that responds with `{"ticks": [["2026-03-02T14:30:00Z", open, high, low, close, volume], …]}`."""

    base_url: str
    source: str = "http_json"
    key_variable: str = "TICKERLAKE_ACME_KEY"
    limits: Limits = Limits(per_second=50)  # noqa: RUF009 - frozen

    def plan(self, request: FetchRequest, bar_interval: str) -> list[FetchRequest]:
        return [request]

    def fetch(self, http: Http, context: ParseContext, request: FetchRequest, key: str) -> tuple[bytes, Outcome]:
        response = http.get(f"{self.base_url}/{context.symbol}", {"since": request.first.isoformat(), "token": key})
        return response.body, classify_status(response) or parse(response.body, context)


def parse(payload: bytes, context: ParseContext) -> Outcome:
    try:
        body = mapping(decode(payload))
    except ValueError:
        return Outcome(Kind.UNKNOWN, message="not JSON")
    ticks = body.get("ticks")
    if not isinstance(ticks, list):
        return Outcome(OUTCOMES.get(str(body.get("error")), Kind.UNKNOWN), message="no ticks in the response")
    rows = [tick for tick in ticks if isinstance(tick, list) and len(tick) == 6]
    bars = [context.bar(str(label), *values) for label, *values in rows]
    return Outcome(Kind.BARS if bars else Kind.EMPTY, bars)


OUTCOMES = {"no such symbol": Kind.UNKNOWN_SYMBOL, "slow down": Kind.BURST_LIMIT, "bad token": Kind.BAD_KEY}


@pytest.mark.loopback
def test_a_provider_is_a_class_a_parser_and_an_entry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bodies = {
        "/TSLA": b'{"ticks":[["2026-03-02T14:30:00Z",1.50,2,1,1.75,10]]}',
        "/GONE": b'{"error":"no such symbol"}',
    }
    with VendorServer(lambda request: (200, bodies[request.path])) as vendor:
        monkeypatch.setitem(registry.PROVIDERS, "acme", lambda _: Acme(vendor.url))
        arguments = ["fetch", "--provider", "acme", "--symbols", "TSLA,GONE", "--lake", str(tmp_path)]
        assert main(arguments) == 2
        assert "set TICKERLAKE_ACME_KEY" in capsys.readouterr().err
        monkeypatch.setenv("TICKERLAKE_ACME_KEY", KEY)
        assert main(arguments) == 1
    assert {request.query["token"] for request in vendor.requests} == {KEY}
    assert "GONE: unknown_symbol" in capsys.readouterr().err
    (bar,) = read_landed(tmp_path)
    assert (bar["symbol"], bar["bar_start"], bar["open"]) == ("TSLA", "2026-03-02T14:30:00Z", "1.50")


def test_every_failure_has_a_typed_outcome() -> None:
    from datetime import date

    context = ParseContext.build("http_json", "TSLA", "1min", date(2026, 3, 2))
    for text, kind in OUTCOMES.items():
        assert parse(b'{"error":"%s"}' % text.encode(), context).kind is kind
    assert parse(b"<html>", context).kind is Kind.UNKNOWN

"""What a vendor says is kept in the message, and its words decide the outcome."""

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest

from loader.http import Http, HttpResponse, classify_status
from loader.outcome import Kind
from loader.providers import alphavantage, description, yahoo
from loader.providers.base import FetchRequest
from loader.providers.http_json import HttpJson
from loader.providers.parse_context import ParseContext
from loader.redact import Redactor
from tests.loader.vendor_server import VendorServer

CRUMB = '{"finance":{"result":null,"error":{"code":"Unauthorized","description":"Invalid Crumb"}}}'
MINUTE = "You have run out of API credits for the current minute. 9 API credits were used, with the limit being 8."
DAY = "You have run out of API credits for the day. 801 API credits were used, with the current limit being 800."
DESCRIBED = HttpJson(
    description.build(
        {
            "url": "https://x",
            "rows": ["values"],
            "fields": {n: n for n in ("time", "open", "high", "low", "close", "volume")},
        }
    )
)
TSLA = ParseContext.build("http_json", "TSLA", "1min", date(2026, 3, 2))


@pytest.mark.parametrize(
    ("status", "body", "has_key", "kind", "text"),
    [
        (401, CRUMB, False, Kind.TRANSPORT, "without a key (401): Invalid Crumb"),
        (401, '{"message":"sign in"}', False, Kind.ENTITLEMENT, "without a key (401): sign in"),
        (401, '{"error":"bad token"}', True, Kind.BAD_KEY, "refused the key (401): bad token"),
        (403, '{"message":"Your plan has no minutes"}', True, Kind.ENTITLEMENT, "(403): Your plan has no minutes"),
        (403, "<html>nginx</html>", True, Kind.ENTITLEMENT, "not allowed (403)"),
        (451, '{"code":0,"msg":"Restricted location"}', False, Kind.ENTITLEMENT, "(451): Restricted location"),
        (429, json.dumps({"message": MINUTE}), True, Kind.BURST_LIMIT, "for the current minute"),
        (429, json.dumps({"message": DAY}), True, Kind.DAILY_QUOTA, "for the day"),
        (503, "Service down\nfor maintenance", True, Kind.TRANSPORT, "status 503: Service down for maintenance"),
    ],
)
def test_a_status_keeps_what_the_vendor_says(status: int, body: str, has_key: bool, kind: Kind, text: str) -> None:
    outcome = classify_status(HttpResponse(status, body.encode()), has_key=has_key)
    assert outcome is not None
    assert outcome.kind is kind
    assert text in outcome.message


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"code": 429, "message": MINUTE, "status": "error"}, Kind.BURST_LIMIT),
        ({"code": 429, "message": DAY, "status": "error"}, Kind.DAILY_QUOTA),
        ({"code": 429, "message": "slow down", "status": "error"}, Kind.BURST_LIMIT),
        ({"code": 401, "message": "**apikey** parameter is incorrect", "status": "error"}, Kind.BAD_KEY),
        ({"code": 404, "message": "**symbol** not found: XYZ", "status": "error"}, Kind.UNKNOWN_SYMBOL),
        ({"status": "ERROR", "error": "Unknown API Key"}, Kind.BAD_KEY),
        ({"status": "NOT_AUTHORIZED", "message": "You are not entitled to this data. Upgrade"}, Kind.ENTITLEMENT),
        ({"error": {"code": 400, "message": "interval is missing"}}, Kind.BAD_REQUEST),
        ({"values": [], "status": "error", "message": "no such interval"}, Kind.BAD_REQUEST),
        ({"msg": "something new"}, Kind.UNKNOWN),
    ],
)
def test_an_error_in_a_successful_answer_is_told_apart_and_kept(body: dict[str, Any], kind: Kind) -> None:
    outcome = DESCRIBED.parse(json.dumps(body).encode(), TSLA)
    assert outcome.kind is kind
    text = body.get("message") or body.get("msg") or body["error"]
    assert (text if isinstance(text, str) else text["message"])[:60] in outcome.message


def test_an_answer_without_rows_and_without_an_error_is_empty() -> None:
    assert DESCRIBED.parse(b'{"values": []}', TSLA).kind is Kind.EMPTY
    assert DESCRIBED.parse(b'{"values": [], "status": "ok"}', TSLA).kind is Kind.EMPTY
    assert DESCRIBED.parse(b"{}", TSLA).message == "no list of rows at values"


@pytest.mark.parametrize(
    "note", ["5 calls each minute", "1 request/second", "75 requests a minute", "5 calls per minute"]
)
def test_premium_beside_words_of_a_minute_is_a_burst_limit(note: str) -> None:
    body = json.dumps({"Information": f"Please subscribe to a premium plan: {note}"}).encode()
    outcome = alphavantage.parse(body, TSLA)
    assert outcome.kind is Kind.BURST_LIMIT
    assert note in outcome.message
    delayed = json.dumps({"Information": "Realtime or 15-minute delayed data is a premium feature"}).encode()
    assert alphavantage.parse(delayed, TSLA).kind is Kind.ENTITLEMENT


@pytest.mark.loopback
@pytest.mark.parametrize("status", [200, 401])
def test_yahoo_s_invalid_crumb_is_kept(status: int) -> None:
    request = FetchRequest("bars", datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 3, 3, tzinfo=UTC))
    with VendorServer(lambda _: (status, CRUMB.encode())) as vendor, Http(Redactor([])) as http:
        context = ParseContext.build("yahoo", "TSLA", "1min", date(2026, 3, 2))
        _, outcome = yahoo.Yahoo(vendor.url).fetch(http, context, request, "")
    assert outcome.kind is Kind.TRANSPORT
    assert "Invalid Crumb" in outcome.message


def test_a_message_is_one_line_of_limited_length() -> None:
    body = json.dumps({"message": "a\n\x1b[31m" + "x" * 5000}).encode()
    outcome = classify_status(HttpResponse(403, body))
    assert outcome is not None
    assert outcome.message.isprintable()
    assert len(outcome.message) < 300

"""Providers against a server with the vendors' recorded responses."""

import gzip
import json
import logging
import ssl
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from threading import Event

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from loader.__main__ import main
from loader.http import Http
from loader.outcome import Kind
from loader.providers import http_json, registry
from loader.providers.alphavantage import AlphaVantage
from loader.providers.base import FetchRequest
from loader.providers.parse_context import ParseContext
from loader.providers.yahoo import Yahoo, parse_daily
from loader.redact import MARK, Redactor
from testkit import realdata
from tests.loader.raw_zone import read_landed
from tests.loader.vendor_server import ReceivedRequest, VendorServer
from tickerlake.errors import UserError

AMOUNTS = ("0.56", "0.56", "0.56", "0.62")
KEY = "SECRET+KEY/0123456789"
DAYS_2021 = (datetime(2021, 10, 1, tzinfo=UTC), datetime(2021, 10, 30, tzinfo=UTC))


def recorded(name: str) -> bytes:
    text = realdata.path(f"payloads/{name}").read_bytes()
    if "yahoo" in name:
        return json.dumps(json.loads(text)["body"]).encode()
    return text


def context(source: str, symbol: str = "IBM", interval: str = "5min", on: date = date(2021, 10, 29)) -> ParseContext:
    return ParseContext.build(source, symbol, interval, on)


@pytest.mark.loopback
@pytest.mark.parametrize("adjusted", [True, False])
def test_alphavantage_intraday_requests_the_month_and_returns_the_range(adjusted: bool) -> None:
    body = recorded("alphavantage/ruby_intraday.json")
    with VendorServer(lambda _: (200, body)) as vendor, Http(Redactor([KEY])) as http:
        provider = AlphaVantage(adjusted=adjusted, base_url=vendor.url)
        request = FetchRequest("bars", datetime(2021, 10, 27, tzinfo=UTC), datetime(2021, 10, 27, 23, 50, tzinfo=UTC))
        _, outcome = provider.fetch(http, context(provider.source), request, KEY)
    assert vendor.requests[0].query == {
        "function": "TIME_SERIES_INTRADAY",
        "symbol": "IBM",
        "interval": "5min",
        "outputsize": "full",
        "month": "2021-10",
        "adjusted": str(adjusted).lower(),
        "extended_hours": "true",
        "apikey": KEY,
    }
    assert [bar.vendor_label for bar in outcome.bars] == ["2021-10-27 19:50:00", "2021-10-27 19:45:00"]
    assert {bar.price_basis for bar in outcome.bars} == {"total_return_adjusted" if adjusted else "raw"}


@pytest.mark.loopback
def test_rapidapi_keeps_the_key_out_of_the_url() -> None:
    body = recorded("alphavantage/ruby_daily.json")
    with VendorServer(lambda _: (200, body)) as vendor, Http(Redactor([KEY])) as http:
        provider = AlphaVantage(adjusted=False, rapidapi=True, base_url=vendor.url)
        _, outcome = provider.fetch(http, context("rapidapi"), FetchRequest("daily_bars", *DAYS_2021), KEY)
    (request,) = vendor.requests
    assert request.headers["x-rapidapi-key"] == KEY
    assert request.headers["x-rapidapi-host"] == "alpha-vantage.p.rapidapi.com"
    assert "apikey" not in request.query
    assert [day.close for day in outcome.daily_bars] == ["125.1000", "125.8400", "125.1700"]


@pytest.mark.loopback
def test_adjusted_daily_bars_have_the_raw_and_the_adjusted_close_and_events() -> None:
    body = recorded("alphavantage/ruby_daily_adjusted.json").replace(b'"1.0"', b'"4.0"', 1)
    with VendorServer(lambda _: (200, body)) as vendor, Http(Redactor([KEY])) as http:
        provider = AlphaVantage(base_url=vendor.url)
        _, outcome = provider.fetch(http, context(provider.source), FetchRequest("daily_bars", *DAYS_2021), KEY)
    assert vendor.requests[0].query["function"] == "TIME_SERIES_DAILY_ADJUSTED"
    day = outcome.daily_bars[0]
    assert (day.session_date, day.close, day.volume) == (date(2021, 10, 29), "125.1", "5916789")
    assert [day.adjusted_close for day in outcome.daily_bars] == ["125.1", "125.84", "125.17"]
    assert {day.price_basis for day in outcome.daily_bars} == {"raw"}
    assert [(action.kind, action.ratio) for action in outcome.actions] == [("split", "4.0")]


MARCH = (datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 3, 3, tzinfo=UTC))


@pytest.mark.loopback
@pytest.mark.parametrize("rapidapi", [False, True])
@pytest.mark.parametrize(
    ("symbol", "dataset", "expected"),
    [
        ("BTCUSD", "bars", {"function": "CRYPTO_INTRADAY", "symbol": "BTC", "market": "USD", "interval": "5min"}),
        ("BTCUSD", "daily_bars", {"function": "DIGITAL_CURRENCY_DAILY", "symbol": "BTC", "market": "USD"}),
        ("EURUSD", "bars", {"function": "FX_INTRADAY", "from_symbol": "EUR", "to_symbol": "USD", "interval": "5min"}),
        ("EURUSD", "daily_bars", {"function": "FX_DAILY", "from_symbol": "EUR", "to_symbol": "USD"}),
    ],
)
def test_alphavantage_crypto_and_forex_come_in_utc(
    symbol: str, dataset: str, expected: dict[str, str], rapidapi: bool
) -> None:
    meta = {"2. Digital Currency Code": "BTC", "4. Interval": "5min", "7. Time Zone": "UTC"}
    row = {"1. open": "1.10", "2. high": "1.20", "3. low": "1.00", "4. close": "1.15"}
    if symbol == "BTCUSD":
        row["5. volume"] = "0.00012345"
    name, label = ("5min", "2026-03-02 00:35:00") if dataset == "bars" else ("Daily", "2026-03-02")
    kind = "Crypto" if symbol == "BTCUSD" else "FX"
    body = json.dumps({"Meta Data": meta, f"Time Series {kind} ({name})": {label: row}}).encode()
    with VendorServer(lambda _: (200, body)) as vendor, Http(Redactor([KEY])) as http:
        provider = AlphaVantage(adjusted=False, rapidapi=rapidapi, base_url=vendor.url)
        on = date(2026, 3, 2)
        _, outcome = provider.fetch(http, context(provider.source, symbol, on=on), FetchRequest(dataset, *MARCH), KEY)
    assert expected.items() <= vendor.requests[0].query.items()
    (bar,) = outcome.bars or outcome.daily_bars
    assert (bar.symbol, bar.close, bar.volume) == (symbol, "1.15", row.get("5. volume", "0"))
    if outcome.bars:
        assert outcome.bars[0].bar_start == datetime(2026, 3, 2, 0, 35, tzinfo=UTC)
    else:
        assert outcome.daily_bars[0].session_date == on


@pytest.mark.loopback
def test_rows_of_other_days_are_skipped_and_unreadable_ones_are_not() -> None:
    row = {f"{at}. {name}": "1" for at, name in enumerate(("open", "high", "low", "close", "volume"), 1)}
    labels = ["2026-03-02 09:30:00", "2026-03-01 23:59:00", "2026-02-02 09:30:00", "2026-04-01 09:30:00", "soon"]
    body = json.dumps({"Time Series (5min)": dict.fromkeys(labels, row)}).encode()
    with VendorServer(lambda _: (200, body)) as vendor, Http(Redactor([KEY])) as http:
        provider = AlphaVantage(adjusted=False, base_url=vendor.url)
        on = date(2026, 3, 2)
        _, outcome = provider.fetch(http, context(provider.source, "TSLA", on=on), FetchRequest("bars", *MARCH), KEY)
    assert [bar.vendor_label for bar in outcome.bars] == ["2026-03-02 09:30:00", "2026-03-01 23:59:00", "soon"]


@pytest.mark.loopback
def test_alphavantage_splits_and_dividends_land_as_corporate_actions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    today = datetime.now(UTC).date().isoformat()

    def respond(request: ReceivedRequest) -> tuple[int, bytes]:
        row = {
            "SPLITS": {"effective_date": today, "split_factor": "2.0000"},
            "DIVIDENDS": {"ex_dividend_date": today, "declaration_date": "None", "amount": "1.67"},
        }[request.query["function"]]
        return 200, json.dumps({"symbol": "IBM", "data": [row]}).encode()

    with VendorServer(respond) as vendor:
        monkeypatch.setenv("TICKERLAKE_ALPHAVANTAGE_URL", vendor.url)
        monkeypatch.setenv("TICKERLAKE_ALPHAVANTAGE_KEY", KEY)
        monkeypatch.setenv("TICKERLAKE_ALPHAVANTAGE_LIMITS", "none")
        arguments = ["--provider", "alphavantage", "--symbols", "IBM", "--dataset", "corporate_actions"]
        assert main(["fetch", *arguments, "--lake", str(tmp_path)]) == 0
    rows = read_landed(tmp_path, "corporate_actions")
    assert [(row["kind"], row["effective_date"], row["ratio"], row["amount"]) for row in rows] == [
        ("split", today, "2.0000", None),
        ("dividend", today, None, "1.67"),
    ]


@pytest.mark.loopback
def test_yahoo_daily_bars_and_events() -> None:
    body = recorded("yahoo_chart_v8/historical-via-chart-NVDA-split-2021-02-01-to-2022-01-31.csv.body.json")
    with VendorServer(lambda _: (200, body)) as vendor, Http(Redactor([])) as http:
        request = FetchRequest("daily_bars", datetime(2021, 2, 1, tzinfo=UTC), datetime(2022, 1, 31, tzinfo=UTC))
        _, outcome = Yahoo(vendor.url).fetch(http, context("yahoo", "NVDA", on=date(2025, 1, 1)), request, "")
    assert vendor.requests[0].path == "/v8/finance/chart/NVDA"
    assert len(outcome.daily_bars) > 240
    first = outcome.daily_bars[0]
    assert (first.session_date, first.price_basis) == (date(2021, 2, 1), "split_adjusted")
    assert first.adjusted_close is not None
    assert first.adjusted_close != first.close
    splits = [(action.effective_date, action.ratio) for action in outcome.actions if action.kind == "split"]
    assert splits == [(date(2021, 7, 20), "4")]
    paid = recorded("yahoo_chart_v8/historical-via-chart-MSFT-dividends-2021-02-01-to-2022-01-31.csv.body.json")
    actions = parse_daily(paid, context("yahoo", "MSFT", on=date(2025, 1, 1))).actions
    assert [(action.kind, action.amount) for action in actions] == [("dividend", amount) for amount in AMOUNTS]


@pytest.mark.loopback
def test_yahoo_spells_symbols_in_its_way_and_dates_days_by_the_exchange() -> None:
    body = recorded("yahoo_chart_v8/chart-BTC-USD-2020-01-01-to-2020-01-03.body.json")
    with VendorServer(lambda _: (200, body)) as vendor, Http(Redactor([])) as http:
        request = FetchRequest("daily_bars", datetime(2020, 1, 1, tzinfo=UTC), datetime(2020, 1, 3, tzinfo=UTC))
        _, outcome = Yahoo(vendor.url).fetch(http, context("yahoo", "BTCUSD"), request, "")
    assert vendor.requests[0].path == "/v8/finance/chart/BTC-USD"
    assert [(day.symbol, str(day.session_date)) for day in outcome.daily_bars] == [
        ("BTCUSD", f"2020-01-0{day}") for day in (1, 2, 3)
    ]


@pytest.mark.loopback
def test_one_connection_serves_many_requests_and_no_redirect_is_followed() -> None:
    def respond(request: ReceivedRequest) -> tuple[int, bytes]:
        return (302, b"") if request.path == "/away" else (200, b"{}")

    with VendorServer(respond) as vendor, Http(Redactor([])) as http:
        assert {http.get(vendor.url, {}).status for _ in range(3)} == {200}
        assert http.get(f"{vendor.url}/away", {}).status == 302
    assert len({request.connection for request in vendor.requests}) == 1


@pytest.mark.loopback
def test_a_body_without_end_is_cut_off() -> None:
    with VendorServer(lambda _: (200, b"x" * 300_000)) as vendor, Http(Redactor([]), max_bytes=100_000) as http:
        assert http.get(vendor.url, {}).error == "body larger than 100,000 bytes"


@pytest.mark.loopback
@pytest.mark.parametrize(
    ("read", "total", "trouble"), [(0.1, 60.0, "ReadTimeout"), (9.0, 0.0, "body not complete after 0 s")]
)
def test_a_slow_vendor_times_out(read: float, total: float, trouble: str) -> None:
    done = Event()

    def respond(_: ReceivedRequest) -> tuple[int, bytes]:
        if read < 1:
            done.wait(10)
        return 200, b"x" * 100_000

    with VendorServer(respond) as vendor, Http(Redactor([]), read=read, total=total) as http:
        assert http.get(vendor.url, {}).error == trouble
        done.set()


@pytest.mark.loopback
def test_an_untrusted_certificate_is_refused(tmp_path: Path) -> None:
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(days=1), now + timedelta(days=1))
    names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
    encoding = serialization.Encoding.PEM
    file = tmp_path / "server.pem"
    file.write_bytes(
        key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + builder.add_extension(names, False).sign(key, hashes.SHA256()).public_bytes(encoding)
    )
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(file)
    with VendorServer(lambda _: (200, b"{}"), tls=tls) as vendor, Http(Redactor([])) as http:
        assert http.get(vendor.url.replace("http://127.0.0.1", "https://localhost"), {}).error == "SSLError"
    assert vendor.requests == []


@pytest.mark.loopback
def test_an_unreachable_host_is_a_transport_outcome() -> None:
    with Http(Redactor([KEY]), connect=0.2) as http:
        provider = AlphaVantage(base_url="http://127.0.0.1:9")
        _, outcome = provider.fetch(http, context(provider.source), FetchRequest("daily_bars", *DAYS_2021), KEY)
    assert (outcome.kind, outcome.message) == (Kind.TRANSPORT, "ConnectionError")


@pytest.mark.loopback
@pytest.mark.parametrize("provider", ["alphavantage", "rapidapi", "http_json"])
def test_a_key_is_in_nothing_that_is_written(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    provider: str,
) -> None:
    echo = f"We have detected your API key as {KEY} and have never sent this before."
    label = {"Time Series (5min)": {f"2021 {KEY}": {"1. open": KEY, "4. close": json.dumps(KEY)}}}
    bodies = [json.dumps({"Information": echo}), f"<p>{echo}", json.dumps(label), json.dumps([echo])]

    def respond(request: ReceivedRequest) -> tuple[int, bytes]:
        return 200, bodies[len(vendor.requests) % len(bodies)].encode()

    description = tmp_path / "api.json"
    lake = tmp_path / "lake"
    caplog.set_level(logging.DEBUG)
    with VendorServer(respond) as vendor:
        fields = {name: name for name in ("time", "open", "high", "low", "close", "volume")}
        described = {"url": vendor.url + "/{symbol}?token={key}", "rows": [], "fields": fields}
        description.write_text(json.dumps(described))
        monkeypatch.setenv("TICKERLAKE_HTTP_JSON", str(description))
        for name in ("ALPHAVANTAGE", "RAPIDAPI", "HTTP_JSON"):
            monkeypatch.setenv(f"TICKERLAKE_{name}_KEY", KEY)
            monkeypatch.setenv(f"TICKERLAKE_{name}_URL", vendor.url)
            monkeypatch.setenv(f"TICKERLAKE_{name}_LIMITS", "none")
        options = ["--interval", "5min", "--symbols", "A,B,C,D", "--archive", "all", "--lake", str(lake)]
        main(["fetch", "--provider", provider, *options])
        main(["fetch", "--provider", provider, *options, "--json"])
    printed = capsys.readouterr()
    texts = [printed.out, printed.err, caplog.text]
    files = [path for path in lake.rglob("*") if path.is_file()]
    for path in files:
        content = path.read_bytes()
        texts += [str(path), (gzip.decompress(content) if path.suffix == ".gz" else content).decode()]
    assert len(vendor.requests) >= 8
    assert len(files) >= 4
    assert any(MARK in text for text in texts)
    for form in (KEY, "SECRET%2BKEY", "SECRET+KEY", "KEY/0123", "KEY\\/0123"):
        assert not any(form in text for text in texts)


def test_keys_too_short_to_redact_and_missing_ones_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    provider = AlphaVantage()
    with pytest.raises(UserError, match="set TICKERLAKE_ALPHAVANTAGE_KEY"):
        registry.read_keys(provider, {})
    with pytest.raises(UserError, match="3 characters"):
        registry.read_keys(provider, {"TICKERLAKE_ALPHAVANTAGE_KEY": "abc"})
    assert registry.read_keys(provider, {"TICKERLAKE_ALPHAVANTAGE_KEY": "demo"}) == ["demo"]
    assert registry.read_keys(provider, {"TICKERLAKE_ALPHAVANTAGE_KEY": f"{KEY}, {KEY}2"}) == [KEY, f"{KEY}2"]


@pytest.mark.loopback
def test_http_json_reads_arrays_and_epochs_as_described(tmp_path: Path) -> None:
    rows = [[1772461800000, 1.5, 2, 1.25, 1.75, 10], [1772461860000, None, None, None, None, None]]
    file = tmp_path / "api.json"
    with (
        VendorServer(lambda _: (200, json.dumps({"data": {"k": rows}}).encode())) as vendor,
        Http(Redactor([KEY])) as http,
    ):
        fields = dict(zip(("time", "open", "high", "low", "close", "volume"), "012345", strict=True))
        url = vendor.url + "/{symbol}/{interval}?from={first_epoch}"
        body = {"url": url, "rows": ["data", "k"], "fields": fields, "time_unit": "milliseconds"}
        file.write_text(json.dumps(body | {"headers": {"X-Key": "{key}"}, "intervals": {"1min": "1m"}}))
        provider = http_json.load(file)
        request = FetchRequest("bars", datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 3, 3, tzinfo=UTC))
        _, outcome = provider.fetch(http, context("http_json", "A/B", "1min"), request, KEY)
    assert vendor.requests[0].path == "/A%2FB/1m"
    assert vendor.requests[0].headers["x-key"] == KEY
    (bar,) = outcome.bars
    assert (bar.bar_start, bar.open, bar.close) == (datetime(2026, 3, 2, 14, 30, tzinfo=UTC), "1.5", "1.75")
    assert outcome.null_rows == 1


@pytest.mark.loopback
def test_http_json_reads_days_with_an_adjusted_close(tmp_path: Path) -> None:
    row = {"d": "2026-03-02", "open": 2, "high": 2, "low": 1, "close": 1.50, "volume": 7, "adj": 0.75}
    file = tmp_path / "api.json"
    with VendorServer(lambda _: (200, json.dumps([row]).encode())) as vendor, Http(Redactor([])) as http:
        fields = {name: name for name in ("open", "high", "low", "close", "volume")}
        fields |= {"time": "d", "adjusted_close": "adj"}
        url = vendor.url + "/{symbol}/{interval}?from={first_date}&to={until_date}"
        file.write_text(json.dumps({"url": url, "rows": [], "fields": fields, "intervals": {"1day": "d1"}}))
        _, outcome = http_json.load(file).fetch(
            http, context("http_json", "TSLA"), FetchRequest("daily_bars", *MARCH), ""
        )
    assert (vendor.requests[0].path, vendor.requests[0].query) == (
        "/TSLA/d1",
        {"from": "2026-03-02", "to": "2026-03-03"},
    )
    (day,) = outcome.daily_bars
    assert (day.session_date, day.close, day.adjusted_close) == (date(2026, 3, 2), "1.5", "0.75")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"url": "ftp://x"}, "'url' cannot be 'ftp://x': it must begin with https://"),
        ({"rows": "data"}, "'rows' cannot be 'data': write a list"),
        ({"fields": {"time": "t"}}, "'fields' lacks open"),
        ({"time_unit": "weeks"}, "'time_unit' cannot be 'weeks': choose one of"),
        ({"colour": 1}, "unknown entries colour"),
        ({"limits": {"per_week": "1"}}, "unknown limits per_week"),
        ({"days_per_request": 0.5}, "'days_per_request' cannot be '0.5': write a whole number from 1"),
        ({"days_per_request": 0}, "'days_per_request' cannot be '0': write a whole number from 1"),
        ({"headers": {"X": 1.5, "Y": ["a"]}}, "'headers' cannot be"),
        ({"intervals": {"2min": "2m"}}, "unknown interval 2min"),
        ({"url": "https://x/{ticker}"}, r"unknown place \{ticker\}: known are"),
        ({"max_rows": "many"}, "'max_rows' cannot be 'many'"),
        ({"paging": "pages"}, "'paging' cannot be 'pages': choose one of token"),
        ({"errors": [{"path": ["s"], "words": "no", "outcome": "bad"}]}, "choose one of empty"),
        ({"source": "nobody"}, "'source' cannot be 'nobody': known are"),
    ],
)
def test_a_wrong_description_is_named(tmp_path: Path, change: dict[str, object], expected: str) -> None:
    fields = {name: name for name in ("time", "open", "high", "low", "close", "volume")}
    file = tmp_path / "api.json"
    file.write_text(json.dumps({"url": "https://x", "rows": [], "fields": fields} | change))
    with pytest.raises(UserError, match=expected):
        http_json.load(file)


def test_back_fills_are_cut_as_the_vendor_serves_them() -> None:
    request = FetchRequest("bars", datetime(2026, 1, 15, tzinfo=UTC), datetime(2026, 3, 10, tzinfo=UTC))
    months = AlphaVantage().plan(request, "1min")
    assert [piece.first.strftime("%m-%d %H") for piece in months] == ["01-15 00", "02-01 05", "03-01 05"]
    weeks = Yahoo().plan(request, "1min")
    for pieces in (months, weeks):
        assert (pieces[0].first, pieces[-1].until) == (request.first, request.until)
        assert all(before.until == after.first for before, after in pairwise(pieces))
    assert max((piece.until - piece.first).days for piece in weeks) == 7

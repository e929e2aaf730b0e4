"""Alpha Vantage, directly and through RapidAPI: intraday, daily, splits and dividends, in JSON.

Shape: `{"Meta Data": {...}, "Time Series (1min)": {"2017-12-18 14:56:00": {"1. open": "86.4900", ...}}}`, newest first.
The numbers before the names move between endpoints, so fields are identified by name. The vendor reports every
error with HTTP 200 and a message, so a missing series decides, not the message.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from re import compile as pattern
from zoneinfo import ZoneInfo

from loader.calendar import NonexistentTimeError
from loader.decode import decode, looks_like_html, mapping
from loader.http import Http, HttpResponse, classify_status
from loader.outcome import Kind, Outcome
from loader.providers.base import FetchRequest, Limits, keep_requested_rows
from loader.providers.parse_context import BarRow, ParseContext
from loader.vendor_message import clean_text, is_burst_limit, is_daily_quota, with_text

URL = "https://www.alphavantage.co"
RAPIDAPI_HOST = "alpha-vantage.p.rapidapi.com"
FREE_KEY = Limits(per_second=1, per_minute=5, per_day=25)
"""The limits of a free key; a premium one has no daily limit."""
_COMPACT = timedelta(days=140)
_PRICES = ("open", "high", "low", "close")
_ZONED = ("crypto", "forex")
_SAMPLE_MARK = b"XXYYZZ"
_DAY = timedelta(days=1)
_TIME = pattern(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}")


@dataclass(frozen=True, slots=True)
class AlphaVantage:
    """The vendor's API. `adjusted` requests split-and-dividend-adjusted prices, another feed than the raw ones.

    With `rapidapi`, the key travels in a header and never in the URL. `base_url` is for tests and mirrors.
    """

    adjusted: bool = True
    rapidapi: bool = False
    extended_hours: bool = True
    base_url: str = URL
    limits: Limits = FREE_KEY

    @property
    def source(self) -> str:
        """One of `alphavantage`, `alphavantage_adjusted`, `rapidapi`, `rapidapi_adjusted`."""
        return ("rapidapi" if self.rapidapi else "alphavantage") + ("_adjusted" if self.adjusted else "")

    @property
    def key_variable(self) -> str:
        """TICKERLAKE_ALPHAVANTAGE_KEY or TICKERLAKE_RAPIDAPI_KEY."""
        return f"TICKERLAKE_{'RAPIDAPI' if self.rapidapi else 'ALPHAVANTAGE'}_KEY"

    def plan(self, request: FetchRequest, bar_interval: str) -> list[FetchRequest]:
        """Split a range: intraday by month (`month=`), corporate actions into splits and dividends, days not at all."""
        if request.dataset == "corporate_actions":
            return [request, replace(request, dataset="dividends")]
        if request.dataset != "bars":
            return [request]
        requests, first = [], request.first
        zone = ZoneInfo("America/New_York")
        while first < request.until:
            local = first.astimezone(zone)
            month = local.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
            following = (month + timedelta(days=32)).replace(day=1).astimezone(UTC)
            requests.append(FetchRequest(request.dataset, first, min(following, request.until)))
            first = following
        return requests

    def fetch(self, http: Http, context: ParseContext, request: FetchRequest, key: str) -> tuple[bytes, Outcome]:
        """Make one request and keep the rows of the requested range."""
        params = self._params(context, request)
        headers = {}
        if self.rapidapi:
            headers = {"x-rapidapi-host": RAPIDAPI_HOST, "x-rapidapi-key": key}
        else:
            params["apikey"] = key
        response = http.get(f"{self.base_url}/query", params, headers)
        return response.body, keep_requested_rows(self._outcome(response, context, request), request)

    def _outcome(self, response: HttpResponse, context: ParseContext, request: FetchRequest) -> Outcome:
        failure = classify_status(response)
        if failure:
            return failure
        if request.dataset == "bars":
            return parse(response.body, context, request)
        return (parse_daily if request.dataset == "daily_bars" else parse_actions)(response.body, context)

    def _params(self, context: ParseContext, request: FetchRequest) -> dict[str, str]:
        asset = context.instrument.asset_class
        pair = {"from_symbol": context.symbol[:3], "to_symbol": context.symbol[3:]}
        coin = {"symbol": context.symbol.removesuffix("USD"), "market": "USD"}
        if request.dataset == "corporate_actions":
            return {"function": "SPLITS", "symbol": context.symbol}
        if request.dataset == "dividends":
            return {"function": "DIVIDENDS", "symbol": context.symbol}
        if request.dataset == "daily_bars":
            size = {"outputsize": "compact" if datetime.now(UTC) - request.first < _COMPACT else "full"}
            if asset == "forex":
                return {"function": "FX_DAILY", **pair, **size}
            if asset == "crypto":
                return {"function": "DIGITAL_CURRENCY_DAILY", **coin}
            function = "TIME_SERIES_DAILY_ADJUSTED" if self.adjusted else "TIME_SERIES_DAILY"
            return {"function": function, "symbol": context.symbol, **size}
        common = {"interval": context.bar_interval, "outputsize": "full"}
        if asset == "forex":
            return {"function": "FX_INTRADAY", **pair, **common}
        if asset == "crypto":
            return {"function": "CRYPTO_INTRADAY", **coin, **common}
        return {
            "function": "TIME_SERIES_INTRADAY",
            "symbol": context.symbol,
            **common,
            "month": request.first.astimezone(ZoneInfo("America/New_York")).strftime("%Y-%m"),
            "adjusted": str(self.adjusted).lower(),
            "extended_hours": str(self.extended_hours).lower(),
        }


def parse(payload: bytes, context: ParseContext, request: FetchRequest | None = None) -> Outcome:
    """Parse one response with intraday bars. Never raises: an unexpected body is an UNKNOWN outcome.

    With `request`, rows of days well outside its range are skipped: the response to a poll for minutes is a month.
    """
    body, series, failure = _open(payload, context)
    if failure:
        return failure
    served = _find_by_name(mapping(body.get("Meta Data")), "Interval")
    if served not in (None, context.bar_interval):
        return Outcome(Kind.UNKNOWN, message=f"requested {context.bar_interval}, served another interval")
    context = _in_response_zone(context, body)
    has_volume = context.instrument.asset_class != "forex"
    rows: list[BarRow] = []
    for label, values in series.items():
        if request and _is_far(label, request):
            continue
        fields = _fields(values)
        volume = fields.get("volume") if has_volume else "0"
        open_, high, low, close = (fields.get(name) for name in _PRICES)
        rows.append((label, open_, high, low, close, volume))
    try:
        bars = context.bars(rows)
    except NonexistentTimeError as error:
        return Outcome(Kind.UNKNOWN, message=str(error))
    return Outcome(Kind.BARS if bars else Kind.EMPTY, bars)


def parse_daily(payload: bytes, context: ParseContext) -> Outcome:
    """Parse one response with daily bars, plain or adjusted; splits and dividends inside it are corporate actions.

    Prices of both endpoints are as traded; `adjusted close` alone is adjusted.
    """
    _, series, failure = _open(payload, context)
    if failure:
        return failure
    days, actions = [], []
    for label, values in series.items():
        fields = _fields(values)
        day = context.daily_bar(
            label, [fields.get(name) for name in _PRICES], fields.get("adjusted close"), fields.get("volume", "0")
        )
        days.append(replace(day, price_basis="raw"))
        if not _is_neutral(fields.get("split coefficient"), 1.0, 0.0):
            actions.append(context.action("split", label, fields["split coefficient"], None))
        if not _is_neutral(fields.get("dividend amount"), 0.0):
            actions.append(context.action("dividend", label, None, fields["dividend amount"]))
    return Outcome(Kind.BARS if days else Kind.EMPTY, daily_bars=days, actions=actions)


def parse_actions(payload: bytes, context: ParseContext) -> Outcome:
    """Parse one response of the SPLITS or DIVIDENDS endpoint: `{"symbol": …, "data": [{…}, …]}`."""
    try:
        body = decode(payload)
    except ValueError:
        return _not_json(payload)
    rows = mapping(body).get("data")
    if not isinstance(rows, list):
        return _classify_message(body)
    if not context.is_symbol(mapping(body).get("symbol")):
        return _other_symbol()
    actions, null_rows = [], 0
    for row in map(mapping, rows):
        if "split_factor" in row:
            actions.append(context.action("split", str(row.get("effective_date")), row["split_factor"], None))
        elif "amount" in row:
            actions.append(context.action("dividend", str(row.get("ex_dividend_date")), None, row["amount"]))
        else:
            null_rows += 1
    return Outcome(Kind.BARS if actions else Kind.EMPTY, null_rows=null_rows, actions=actions)


def _open(payload: bytes, context: ParseContext) -> tuple[dict[str, object], dict[str, object], Outcome | None]:
    """Return the body and its series, or the outcome when there is no series."""
    try:
        body = decode(payload)
    except ValueError:
        return {}, {}, _not_json(payload)
    series = next(
        (value for key, value in mapping(body).items() if "Time Series" in key and isinstance(value, dict)), None
    )
    if series is None:
        return {}, {}, _classify_message(body)
    if _SAMPLE_MARK in payload:
        return {}, {}, Outcome(Kind.ENTITLEMENT, message="artificial sample data in place of premium data")
    meta = mapping(body.get("Meta Data"))
    if not context.is_symbol(_find_by_name(meta, "Symbol")):
        return {}, {}, _other_symbol()
    return body, series, None


def _is_far(label: str, request: FetchRequest) -> bool:
    """Return whether a valid label lies more than a day outside the range in any zone, without parsing it."""
    is_near = (request.first - _DAY).isoformat(" ") < label < (request.until + _DAY).isoformat(" ")
    return not is_near and _TIME.fullmatch(label) is not None


def _in_response_zone(context: ParseContext, body: dict[str, object]) -> ParseContext:
    """Return the context in the response's zone: crypto and forex are served in UTC, not in New York's zone."""
    zone = str(_find_by_name(mapping(body.get("Meta Data")), "Time Zone"))
    if context.instrument.asset_class in _ZONED and zone.startswith("UTC"):
        return replace(context, convention=replace(context.convention, zone=ZoneInfo("UTC")))
    return context


def _fields(values: object) -> dict[str, object]:
    return {key.partition(". ")[2]: value for key, value in mapping(values).items()}


def _find_by_name(meta: dict[str, object], name: str) -> object:
    return next((value for key, value in meta.items() if key.partition(". ")[2] == name), None)


def _is_neutral(text: object, *neutral: float) -> bool:
    """Return whether a value is missing or one of the numbers that mean "nothing happened"."""
    if text is None:
        return True
    try:
        return float(str(text)) in neutral
    except ValueError:
        return False


def _other_symbol() -> Outcome:
    return Outcome(Kind.UNKNOWN, message="the response is about another symbol")


def _not_json(payload: bytes) -> Outcome:
    if not payload.strip():
        return Outcome(Kind.EMPTY)
    if looks_like_html(payload):
        return Outcome(Kind.TRANSPORT, message="a web page, not data")
    return Outcome(Kind.UNKNOWN, message="not JSON")


def _classify_message(body: object) -> Outcome:
    """Return the outcome of a response without data, by the vendor's message, most specific first."""
    if body == {}:
        return Outcome(Kind.EMPTY)
    texts = mapping(body)
    if any(key.startswith("Global Quote") and value == {} for key, value in texts.items()):
        return Outcome(Kind.UNKNOWN_SYMBOL, message="no quote for the symbol")
    error = str(texts.get("Error Message", ""))
    if error:
        kind = Kind.BAD_KEY if "apikey" in error else Kind.BAD_REQUEST
        reason = "the vendor refused the key" if kind is Kind.BAD_KEY else "invalid API call"
        return Outcome(kind, message=with_text(reason, clean_text(error)))
    note = str(texts.get("Information") or texts.get("Note") or texts.get("message") or "")
    kind, reason = _classify_note(note)
    return Outcome(kind, message=with_text(reason, clean_text(note)))


def _classify_note(note: str) -> tuple[Kind, str]:
    """Return the outcome of a note. Limits advertise premium plans, so their words are read before "premium"."""
    if "has been merged" in note:
        return Kind.BAD_REQUEST, "the vendor retired this endpoint"
    if is_burst_limit(note):
        return Kind.BURST_LIMIT, "too many requests at once"
    if "standard API rate limit" in note or is_daily_quota(note):
        return Kind.DAILY_QUOTA, "the key's requests for today are used up"
    if "demo" in note:
        return Kind.BAD_KEY, "the demo key serves no other request"
    if "premium" in note:
        return Kind.ENTITLEMENT, "a premium endpoint or parameter"
    return Kind.UNKNOWN, "no time series in the response"

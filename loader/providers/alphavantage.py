"""Alpha Vantage, directly and through RapidAPI: intraday, daily, splits and dividends, in JSON.

Shape: `{"Meta Data": {...}, "Time Series (1min)": {"2017-12-18 14:56:00": {"1. open": "86.4900", ...}}}`, newest first.
The numbers before the names move between endpoints, so fields are found by name. The vendor answers every refusal with
HTTP 200 and a text, so absence of the series decides, not the wording.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from re import compile as pattern
from typing import Any
from zoneinfo import ZoneInfo

from loader import reference
from loader.decode import decode, looks_like_html, mapping
from loader.http import Answer, Http, refusal
from loader.outcome import Kind, Outcome
from loader.providers.base import Ask, Limits, within
from loader.providers.context import Context

URL = "https://www.alphavantage.co"
RAPIDAPI_HOST = "alpha-vantage.p.rapidapi.com"
FREE_KEY = Limits(per_second=1, per_minute=5, per_day=25)
"""What a free key is granted; a premium one has no daily limit."""
_COMPACT = timedelta(days=140)
_PRICES = ("open", "high", "low", "close")
_ZONED = ("crypto", "forex")
_SAMPLE_MARK = b"XXYYZZ"
_DAY = timedelta(days=1)
_SOUND = pattern(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}")


@dataclass(frozen=True, slots=True)
class AlphaVantage:
    """The vendor's API. `adjusted` asks for split-and-dividend-adjusted prices, another feed than the raw ones.

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

    def plan(self, ask: Ask, bar_interval: str) -> list[Ask]:
        """Intraday: a request a month, as `month=` serves it. Splits and dividends: one each; daily bars: one."""
        if ask.dataset == "corporate_actions":
            return [ask, replace(ask, dataset="dividends")]
        if ask.dataset != "bars":
            return [ask]
        asks, first = [], ask.first
        zone = ZoneInfo("America/New_York")
        while first < ask.until:
            local = first.astimezone(zone)
            month = local.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
            following = (month + timedelta(days=32)).replace(day=1).astimezone(UTC)
            asks.append(Ask(ask.dataset, first, min(following, ask.until)))
            first = following
        return asks

    def fetch(self, http: Http, context: Context, ask: Ask, key: str) -> tuple[bytes, Outcome]:
        """Make one request and keep the rows of the range asked for."""
        params = self._params(context, ask)
        headers = {}
        if self.rapidapi:
            headers = {"x-rapidapi-host": RAPIDAPI_HOST, "x-rapidapi-key": key}
        else:
            params["apikey"] = key
        answer = http.get(f"{self.base_url}/query", params, headers)
        return answer.body, within(self._outcome(answer, context, ask), ask)

    def _outcome(self, answer: Answer, context: Context, ask: Ask) -> Outcome:
        refused = refusal(answer)
        if refused:
            return refused
        if ask.dataset == "bars":
            return parse(answer.body, context, ask)
        return (parse_daily if ask.dataset == "daily_bars" else parse_actions)(answer.body, context)

    def _params(self, context: Context, ask: Ask) -> dict[str, str]:
        asset = reference.instrument(context.symbol).asset_class
        pair = {"from_symbol": context.symbol[:3], "to_symbol": context.symbol[3:]}
        coin = {"symbol": context.symbol.removesuffix("USD"), "market": "USD"}
        if ask.dataset == "corporate_actions":
            return {"function": "SPLITS", "symbol": context.symbol}
        if ask.dataset == "dividends":
            return {"function": "DIVIDENDS", "symbol": context.symbol}
        if ask.dataset == "daily_bars":
            size = {"outputsize": "compact" if datetime.now(UTC) - ask.first < _COMPACT else "full"}
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
            "month": ask.first.astimezone(ZoneInfo("America/New_York")).strftime("%Y-%m"),
            "adjusted": str(self.adjusted).lower(),
            "extended_hours": str(self.extended_hours).lower(),
        }


def parse(payload: bytes, context: Context, ask: Ask | None = None) -> Outcome:
    """Parse one answer with intraday bars. Raises nothing: what is not understood is an UNKNOWN outcome.

    With `ask`, rows of days that lie well outside its range are passed over: a poll for minutes is answered by a month.
    """
    body, series, refused = _open(payload, context)
    if refused:
        return refused
    served = _named(mapping(body.get("Meta Data")), "Interval")
    if served not in (None, context.bar_interval):
        return Outcome(Kind.UNKNOWN, message=f"asked for {context.bar_interval}, served another interval")
    context = _zoned(context, body)
    has_volume = reference.instrument(context.symbol).asset_class != "forex"
    bars = []
    for label, values in series.items():
        if ask and _is_far(label, ask):
            continue
        fields = _fields(values)
        volume = fields.get("volume") if has_volume else "0"
        open_, high, low, close = (fields.get(name) for name in _PRICES)
        bars.append(context.bar(label, open_, high, low, close, volume))
    return Outcome(Kind.BARS if bars else Kind.EMPTY, bars)


def parse_daily(payload: bytes, context: Context) -> Outcome:
    """Parse one answer with daily bars, plain or adjusted; splits and dividends inside it are corporate actions.

    Prices of both endpoints are as traded; `adjusted close` alone is adjusted.
    """
    _, series, refused = _open(payload, context)
    if refused:
        return refused
    days, actions = [], []
    for label, values in series.items():
        fields = _fields(values)
        day = context.daily_bar(
            label, [fields.get(name) for name in _PRICES], fields.get("adjusted close"), fields.get("volume", "0")
        )
        days.append(replace(day, price_basis="raw"))
        if not _is_one_of(fields.get("split coefficient"), 1.0, 0.0):
            actions.append(context.action("split", label, fields["split coefficient"], None))
        if not _is_one_of(fields.get("dividend amount"), 0.0):
            actions.append(context.action("dividend", label, None, fields["dividend amount"]))
    return Outcome(Kind.BARS if days else Kind.EMPTY, daily_bars=days, actions=actions)


def parse_actions(payload: bytes, context: Context) -> Outcome:
    """Parse one answer of the SPLITS or DIVIDENDS endpoint: `{"symbol": …, "data": [{…}, …]}`."""
    try:
        body = decode(payload)
    except ValueError:
        return _no_json(payload)
    rows = mapping(body).get("data")
    if not isinstance(rows, list):
        return _refusal(body)
    if not context.is_answered_by(mapping(body).get("symbol")):
        return _another_symbol()
    actions, null_rows = [], 0
    for row in map(mapping, rows):
        if "split_factor" in row:
            actions.append(context.action("split", str(row.get("effective_date")), row["split_factor"], None))
        elif "amount" in row:
            actions.append(context.action("dividend", str(row.get("ex_dividend_date")), None, row["amount"]))
        else:
            null_rows += 1
    return Outcome(Kind.BARS if actions else Kind.EMPTY, null_rows=null_rows, actions=actions)


def _open(payload: bytes, context: Context) -> tuple[dict[str, Any], dict[str, Any], Outcome | None]:
    """Find the series in a body, or the outcome that stands in its place."""
    try:
        body = decode(payload)
    except ValueError:
        return {}, {}, _no_json(payload)
    series = next(
        (value for key, value in mapping(body).items() if "Time Series" in key and isinstance(value, dict)), None
    )
    if series is None:
        return {}, {}, _refusal(body)
    if _SAMPLE_MARK in payload:
        return {}, {}, Outcome(Kind.ENTITLEMENT, message="artificial sample data in place of a premium answer")
    meta = mapping(body.get("Meta Data"))
    if not context.is_answered_by(_named(meta, "Symbol")):
        return {}, {}, _another_symbol()
    return body, series, None


def _is_far(label: str, ask: Ask) -> bool:
    """Tell by the text alone whether a sound label lies more than a day outside the range, in whatever zone."""
    near = (ask.first - _DAY).isoformat(" ") < label < (ask.until + _DAY).isoformat(" ")
    return not near and _SOUND.fullmatch(label) is not None


def _zoned(context: Context, body: dict[str, Any]) -> Context:
    """Crypto and forex come in the zone that the answer names, not in New York's."""
    zone = str(_named(mapping(body.get("Meta Data")), "Time Zone"))
    if reference.instrument(context.symbol).asset_class in _ZONED and zone.startswith("UTC"):
        return replace(context, convention=replace(context.convention, zone=ZoneInfo("UTC")))
    return context


def _fields(values: object) -> dict[str, Any]:
    return {key.partition(". ")[2]: value for key, value in mapping(values).items()}


def _named(meta: dict[str, Any], name: str) -> Any:
    return next((value for key, value in meta.items() if key.partition(". ")[2] == name), None)


def _is_one_of(text: object, *neutral: float) -> bool:
    """Tell whether a value is absent or one of the numbers that mean "nothing happened"."""
    if text is None:
        return True
    try:
        return float(str(text)) in neutral
    except ValueError:
        return False


def _another_symbol() -> Outcome:
    return Outcome(Kind.UNKNOWN, message="the answer is about another symbol")


def _no_json(payload: bytes) -> Outcome:
    if not payload.strip():
        return Outcome(Kind.EMPTY)
    page = looks_like_html(payload)
    return Outcome(Kind.TRANSPORT if page else Kind.UNKNOWN, message="a web page, not data" if page else "not JSON")


def _refusal(body: object) -> Outcome:
    """Classify an answer without data by the vendor's wording, most specific first."""
    if body == {}:
        return Outcome(Kind.EMPTY)
    texts = mapping(body)
    if any(key.startswith("Global Quote") and value == {} for key, value in texts.items()):
        return Outcome(Kind.UNKNOWN_SYMBOL, message="no quote for the symbol")
    error = str(texts.get("Error Message", ""))
    if error:
        kind = Kind.BAD_KEY if "apikey" in error else Kind.BAD_REQUEST
        return Outcome(kind, message="the vendor refused the key" if kind is Kind.BAD_KEY else "invalid API call")
    note = str(texts.get("Information") or texts.get("Note") or "")
    if "has been merged" in note:
        return Outcome(Kind.BAD_REQUEST, message="the vendor retired this endpoint")
    if any(words in note for words in ("sparingly", "per second", "per minute")):
        return Outcome(Kind.BURST_LIMIT, message="too many requests at once")
    if "requests per day" in note or "standard API rate limit" in note:
        return Outcome(Kind.DAILY_QUOTA, message="the key's requests for today are used up")
    if "demo" in note:
        return Outcome(Kind.BAD_KEY, message="the demo key serves no other request")
    if "premium" in note:
        return Outcome(Kind.ENTITLEMENT, message="a premium endpoint or parameter")
    return Outcome(Kind.UNKNOWN, message="no time series in the answer")

"""Yahoo chart v8: keyless, unofficial, and the one live source of 1-minute bars that is free today.

Times are epoch seconds UTC of the bar's start; the last element may be a live bar stamped "now". Arrays may hold nulls,
and an empty range has no `timestamp` at all. Prices are split-adjusted by the vendor; `adjclose` adds dividends.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Context as DecimalContext
from decimal import Decimal
from re import compile as pattern
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from loader import reference
from loader.calendar import stamped_date
from loader.decode import decode, integer, looks_like_html, mapping
from loader.http import Http, classify_status
from loader.outcome import Kind, Outcome
from loader.providers.base import FetchRequest, Limits
from loader.providers.parse_context import ParseContext
from loader.record import BAR_INTERVALS, Bar, decimal_text
from loader.vendor_message import clean_text

URL = "https://query2.finance.yahoo.com"
FAIR_USE = Limits(per_second=2, per_minute=60)
"""Yahoo documents no limit; more than this leads to status 429."""
_INTERVALS = {"1min": "1m", "5min": "5m", "15min": "15m", "30min": "30m", "60min": "60m"}
_GRANULARITIES = {**_INTERVALS, "60min": "1h"}
_LONGEST = {"1min": timedelta(days=7)}
_HISTORY = {"1min": timedelta(days=30), "60min": timedelta(days=730)}
"""How far back intraday bars are served; those of 5, 15 and 30 minutes for 60 days."""
_MINOR_UNITS = {"GBp": "GBP", "GBX": "GBP", "ZAc": "ZAR", "ILA": "ILS"}
_EXACT = DecimalContext(prec=80)
_PLAIN = pattern(r"-?[0-9]{1,30}(\.[0-9]{1,30})?")
_PRICES = ("open", "high", "low", "close")
_QUARTER = 15 * 60
_HOUR = 60 * 60


@dataclass(frozen=True, slots=True)
class Yahoo:
    """The chart endpoint, for bars, daily bars and events. `base_url` is for tests and mirrors."""

    base_url: str = URL
    source: str = "yahoo"
    key_variable: str = ""
    limits: Limits = FAIR_USE

    def plan(self, request: FetchRequest, bar_interval: str) -> list[FetchRequest]:
        """Split a range: at most seven days of 1-minute bars a request (of the last 30 days), 50 of longer bars."""
        longest = (
            _LONGEST.get(bar_interval, timedelta(days=50)) if request.dataset == "bars" else timedelta(days=36_500)
        )
        requests, first = [], request.first
        while first < request.until:
            requests.append(FetchRequest(request.dataset, first, min(first + longest, request.until)))
            first += longest
        return requests

    def history(self, dataset: str, bar_interval: str) -> timedelta | None:
        """Return how far back Yahoo serves bars of the interval; days and events have no limit."""
        return _HISTORY.get(bar_interval, timedelta(days=60)) if dataset == "bars" else None

    def fetch(self, http: Http, context: ParseContext, request: FetchRequest, key: str) -> tuple[bytes, Outcome]:
        """Make one request, pre and post market included. The vendor serves exactly the range."""
        is_intraday = request.dataset == "bars"
        response = http.get(
            f"{self.base_url}/v8/finance/chart/{quote(reference.to_vendor_symbol(context.symbol), safe='')}",
            {
                "interval": _INTERVALS[context.bar_interval] if is_intraday else "1d",
                "period1": str(int(request.first.timestamp())),
                "period2": str(int(request.until.timestamp())),
                "includePrePost": str(is_intraday).lower(),
                "events": "div,splits,capitalGains",
            },
        )
        failure = classify_status(response, has_key=False)
        if failure:
            return response.body, failure
        outcome = parse(response.body, context) if is_intraday else parse_daily(response.body, context)
        if request.dataset == "corporate_actions":
            kind = outcome.kind if outcome.is_failure else Kind.BARS if outcome.actions else Kind.EMPTY
            outcome = replace(outcome, kind=kind, daily_bars=[], null_rows=0)
        return response.body, outcome


def parse(payload: bytes, context: ParseContext) -> Outcome:
    """Parse one intraday response. Never raises: an unexpected body is an UNKNOWN outcome.

    The last row may be live: it is floored to its bar's start, marked, and put before a row of the same bar, which then
    replaces it. Null rows are counted.
    """
    chart = _open(payload, context, (_INTERVALS[context.bar_interval], _GRANULARITIES[context.bar_interval]))
    if isinstance(chart, Outcome):
        return chart
    meta, rows = chart
    currency = str(meta.get("currency") or context.currency)
    in_unit = replace(context, currency=_MINOR_UNITS.get(currency, currency))
    bars: list[Bar] = []
    null_rows = 0
    before: int | None = None
    for position, (epoch, *values) in enumerate(rows):
        if all(value is None for value in values[:4]):
            null_rows += 1
            continue
        start = integer(epoch)
        prices = [_in_major(value, currency) for value in values[:4]]
        bar = in_unit.bar(_label(start, epoch), prices[0], prices[1], prices[2], prices[3], values[4])
        floored = _live_start(start, before, BAR_INTERVALS[context.bar_interval] * 60)
        if position == len(rows) - 1 and floored is not None:
            bar = replace(bar, bar_start=datetime.fromtimestamp(floored, UTC), is_live=True)
            bars.insert(len(bars) - (1 if bars and bars[-1].bar_start == bar.bar_start else 0), bar)
        else:
            bars.append(bar)
        before = start if start is not None else before
    return Outcome(Kind.BARS if bars else Kind.EMPTY, bars, null_rows)


def parse_daily(payload: bytes, context: ParseContext) -> Outcome:
    """Parse one response at interval 1d: daily bars, splits and dividends, by the exchange's own day.

    An event's time is its `date`, not its key. A day stamped on the evening before (a midnight on clocks that have
    changed since) has its own date; a live row stamped "now" has today's.
    Today's row is live until the regular session is over.
    """
    chart = _open(payload, context, ("1d",))
    if isinstance(chart, Outcome):
        return chart
    meta, rows = chart
    zone = _zone(meta)
    currency = str(meta.get("currency") or context.currency)
    in_unit = replace(context, currency=_MINOR_UNITS.get(currency, currency))
    now = integer(meta.get("regularMarketTime"))
    closes = integer(mapping(mapping(meta.get("currentTradingPeriod")).get("regular")).get("end"))
    days, null_rows = [], 0
    for position, (epoch, *values) in enumerate(rows):
        if all(value is None for value in values[:4]):
            null_rows += 1
            continue
        start = integer(epoch)
        is_last = position == len(rows) - 1
        is_now = is_last and None not in (start, now) and abs((start or 0) - (now or 0)) < _HOUR
        label = _day_label(start, epoch, zone) if is_now else _stamp_label(start, epoch, zone)
        adjusted = _in_major(values[5], currency)
        day = in_unit.daily_bar(label, [_in_major(value, currency) for value in values[:4]], adjusted, values[4])
        live = None not in (now, closes, start) and _day_label(now, "", zone) == label and (now or 0) < (closes or 0)
        days.append(replace(day, is_live=live))
    if len(days) > 1 and days[-1].session_date == days[-2].session_date:
        days[-2:] = [replace(days[-1], is_live=True), days[-2]]
    actions = []
    events = mapping(meta.get("tickerlake_events"))
    for event in map(mapping, mapping(events.get("splits")).values()):
        actions.append(in_unit.action("split", _event_label(event, zone), _ratio(event), None))
    for event in map(mapping, mapping(events.get("dividends")).values()):
        paid_in = str(event.get("currency") or currency)  # a dividend may be paid in another currency than the price's
        amount = _in_major(event.get("amount"), paid_in)
        in_paid = replace(context, currency=_MINOR_UNITS.get(paid_in, paid_in))
        actions.append(in_paid.action("dividend", _event_label(event, zone), None, amount))
    return Outcome(Kind.BARS if days or actions else Kind.EMPTY, null_rows=null_rows, daily_bars=days, actions=actions)


def _open(
    payload: bytes, context: ParseContext, granularities: Iterable[str]
) -> tuple[dict[str, object], Sequence[tuple[object, ...]]] | Outcome:
    """Return the response's meta (with its events) and rows: time, open, high, low, close, volume, adjusted close."""
    try:
        body: Any = decode(payload)
    except ValueError:
        if looks_like_html(payload):
            return Outcome(Kind.TRANSPORT, message="a web page (consent or error), not data")
        if payload[:200].lower().startswith(b"too many requests"):
            return Outcome(Kind.BURST_LIMIT, message="too many requests")
        return Outcome(Kind.UNKNOWN, message="not a chart response")
    refused = mapping(mapping(mapping(body).get("finance")).get("error"))
    if refused:
        crumb = "crumb" in _first_line(refused).lower()
        return Outcome(Kind.TRANSPORT if crumb else Kind.BAD_REQUEST, message=clean_text(_first_line(refused)))
    try:
        chart = body["chart"]
        if chart.get("error"):
            missing = chart["error"].get("code") == "Not Found"
            return Outcome(
                Kind.UNKNOWN_SYMBOL if missing else Kind.BAD_REQUEST, message=clean_text(_first_line(chart["error"]))
            )
        result = chart["result"][0]
        meta, times = result["meta"], result.get("timestamp") or []
        quotes = result["indicators"]["quote"][0]
        adjusted = mapping((result["indicators"].get("adjclose") or [{}])[0]).get("adjclose")
        nothing = [None] * len(times)
        if not times and any(isinstance(quotes.get(name), list) and quotes[name] for name in _PRICES):
            return Outcome(Kind.UNKNOWN, message="prices without times")
        columns = [quotes.get(name) or nothing for name in (*_PRICES, "volume")] + [adjusted or nothing]
        rows = list(zip(times, *columns, strict=True))
        served = meta.get("dataGranularity")
        events = result.get("events")
    except (KeyError, IndexError, TypeError, AttributeError, ValueError):
        return Outcome(Kind.UNKNOWN, message="not a chart response")
    if served is not None and served not in granularities:
        return Outcome(Kind.UNKNOWN, message=f"requested {next(iter(granularities))}, served another interval")
    if not context.is_symbol(meta.get("symbol")):
        return Outcome(Kind.UNKNOWN, message="the response is about another symbol")
    return {**meta, "tickerlake_events": events}, rows


def _live_start(start: int | None, before: int | None, length: int) -> int | None:
    """Return the start of the bar that a live timestamp falls into, or None when it is a bar's start.

    Sessions open on a quarter of an hour, so longer bars than that begin a whole number of bars after their neighbour
    or on a quarter.
    """
    if start is None or start % min(length, _QUARTER) == 0:
        return None
    if length <= _QUARTER or before is None or not 0 <= start - before < 6 * 3600:
        return start - start % min(length, _QUARTER)
    return before + (start - before) // length * length


def _label(start: int | None, epoch: object) -> str:
    try:
        return datetime.fromtimestamp(start, UTC).isoformat() if start is not None else str(epoch)
    except (OverflowError, ValueError, OSError):
        return str(epoch)


def _day_label(start: int | None, epoch: object, zone: ZoneInfo) -> str:
    try:
        return datetime.fromtimestamp(start, zone).date().isoformat() if start is not None else str(epoch)
    except (OverflowError, ValueError, OSError):
        return str(epoch)


def _stamp_label(start: int | None, epoch: object, zone: ZoneInfo) -> str:
    """Return the date that the stamp of a day or an event means; one on the evening before is the next day's."""
    try:
        return stamped_date(datetime.fromtimestamp(start, zone)).isoformat() if start is not None else str(epoch)
    except (OverflowError, ValueError, OSError):
        return str(epoch)


def _event_label(event: dict[str, object], zone: ZoneInfo) -> str:
    return _stamp_label(integer(event.get("date")), event.get("date"), zone)


def _zone(meta: dict[str, object]) -> ZoneInfo:
    try:
        return ZoneInfo(str(meta.get("exchangeTimezoneName")))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("America/New_York")


def _ratio(event: dict[str, object]) -> str | None:
    """Return new shares per old share in plain notation, or None without a pair of positive numbers."""
    new, old = decimal_text(event.get("numerator")), decimal_text(event.get("denominator"))
    if not (new and old and _PLAIN.fullmatch(new) and _PLAIN.fullmatch(old) and float(new) > 0 and float(old) > 0):
        return None
    ratio = DecimalContext(prec=18).divide(Decimal(new), Decimal(old)).quantize(Decimal("1e-12"), context=_EXACT)
    text = format(ratio, "f").rstrip("0").rstrip(".")
    return text or "0"


def _in_major(value: object, currency: str) -> object:
    """Convert pence to pounds without losing a digit; other text becomes None, never a price in the wrong unit."""
    if currency not in _MINOR_UNITS or value is None:
        return value
    text = decimal_text(value) or ""
    return format(Decimal(text).scaleb(-2, _EXACT), "f") if _PLAIN.fullmatch(text) else None


def _first_line(error: dict[str, object]) -> str:
    return (str(error.get("description") or error.get("code")).splitlines() or [""])[0][:200]

"""Any JSON API, described by a data file: a URL, where the rows are, and which field is which.

A description is JSON; TICKERLAKE_HTTP_JSON names the file:

    {"url": "https://api.example.com/{symbol}/{interval}?from={first_date}&to={until_date}",
     "rows": ["data", "candles"], "fields": {"time": "t", "open": "o", "high": "h", "low": "l", "close": "c",
     "volume": "v", "adjusted_close": "a"}, "intervals": {"1min": "1m"}, "time_unit": "seconds",
     "headers": {"Authorization": "Bearer {key}"}, "limits": {"per_minute": 60}, "days_per_request": 30}

In the URL `{symbol} {interval} {first_date} {until_date} {first_epoch} {until_epoch} {key}` are replaced, in headers
`{key}`. Rows may be objects, or arrays with numbers as field names. `time_unit`: `text` (as the source's label says),
`seconds` or `milliseconds` since 1970 in UTC.
"""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from loader.calendar import NonexistentTimeError
from loader.decode import Number, decode, integer, looks_like_html, mapping
from loader.http import Http, classify_status
from loader.outcome import Kind, Outcome
from loader.providers.base import FetchRequest, Limits, keep_requested_rows
from loader.providers.parse_context import BarRow, ParseContext
from loader.vendor_message import classify_envelope, extract_text, with_text
from tickerlake.errors import UserError

_REQUIRED = ("time", "open", "high", "low", "close", "volume")
_UNITS = {"text": 0, "seconds": 1, "milliseconds": 1000}
_KNOWN = {"url", "rows", "fields", "intervals", "time_unit", "headers", "limits", "days_per_request", "source"}
_PLACEHOLDER = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class HttpJson:
    """A described API; `load` reads the description."""

    url: str
    rows: tuple[str, ...]
    fields: dict[str, str]
    intervals: dict[str, str] = field(default_factory=dict)
    time_unit: str = "text"
    headers: dict[str, str] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    days_per_request: int = 30
    source: str = "http_json"

    @property
    def key_variable(self) -> str:
        """TICKERLAKE_HTTP_JSON_KEY, if the description uses a key."""
        return "TICKERLAKE_HTTP_JSON_KEY" if "{key}" in self.url + "".join(self.headers.values()) else ""

    def plan(self, request: FetchRequest, bar_interval: str) -> list[FetchRequest]:
        """Split the range into pieces of `days_per_request`."""
        requests, first = [], request.first
        while first < request.until:
            following = first + timedelta(days=self.days_per_request)
            requests.append(FetchRequest(request.dataset, first, min(following, request.until)))
            first = following
        return requests

    def fetch(self, http: Http, context: ParseContext, request: FetchRequest, key: str) -> tuple[bytes, Outcome]:
        """Make one request and keep the rows of the requested range."""
        interval = "1day" if request.dataset == "daily_bars" else context.bar_interval
        values = {
            "symbol": context.symbol,
            "interval": self.intervals.get(interval, interval),
            "first_date": request.first.date().isoformat(),
            "until_date": request.until.date().isoformat(),
            "first_epoch": str(int(request.first.timestamp())),
            "until_epoch": str(int(request.until.timestamp())),
            "key": key,
        }
        url = _PLACEHOLDER.sub(lambda match: quote(values.get(match[1], ""), safe=""), self.url)
        headers = {name: text.replace("{key}", key) for name, text in self.headers.items()}
        response = http.get(url, {}, headers)
        failure = classify_status(response, has_key=bool(self.key_variable))
        if not failure and response.status == 404:
            failure = Outcome(Kind.UNKNOWN_SYMBOL, message=with_text("not found (404)", extract_text(response.body)))
        if not failure and response.status >= 400:
            reason = f"status {response.status}"
            failure = Outcome(Kind.BAD_REQUEST, message=with_text(reason, extract_text(response.body)))
        if failure:
            return response.body, failure
        return response.body, keep_requested_rows(self.parse(response.body, context, request.dataset), request)

    def parse(self, payload: bytes, context: ParseContext, dataset: str = "bars") -> Outcome:
        """Parse one body. Never raises: a body unlike the description is an UNKNOWN outcome."""
        try:
            body = rows = decode(payload)
        except ValueError:
            if looks_like_html(payload):
                return Outcome(Kind.TRANSPORT, message="a web page")
            return Outcome(Kind.UNKNOWN, message="not JSON")
        for step in self.rows:
            rows = _step(rows, step)
        failure = None if rows else classify_envelope(body)
        if failure:
            return failure
        if not isinstance(rows, list):
            return Outcome(Kind.UNKNOWN, message=f"no list of rows at {'.'.join(self.rows) or 'the top'}")
        bar_rows: list[BarRow] = []
        days, null_rows = [], 0
        for row in rows:
            label = self._label(_step(row, self.fields["time"]))
            open_, high, low, close, volume = (_step(row, self.fields[name]) for name in _REQUIRED[1:])
            if all(value is None for value in (open_, high, low, close)):
                null_rows += 1
            elif dataset == "daily_bars":
                adjusted = _step(row, self.fields["adjusted_close"]) if "adjusted_close" in self.fields else None
                days.append(context.daily_bar(label, [open_, high, low, close], adjusted, volume))
            else:
                bar_rows.append((label, open_, high, low, close, volume))
        try:
            bars = context.bars(bar_rows)
        except NonexistentTimeError as error:
            return Outcome(Kind.UNKNOWN, message=str(error))
        return Outcome(Kind.BARS if bars or days else Kind.EMPTY, bars, null_rows, daily_bars=days)

    def _label(self, value: object) -> str:
        per_second = _UNITS[self.time_unit]
        epoch = integer(value if isinstance(value, Number) else Number(str(value))) if per_second else None
        if epoch is None:
            return str(value)
        try:
            return datetime.fromtimestamp(epoch / per_second, UTC).isoformat()
        except (OverflowError, ValueError, OSError):
            return str(value)


def _step(value: object, name: str) -> object:
    if isinstance(value, list):
        return value[int(name)] if name.isdecimal() and len(name) < 6 and int(name) < len(value) else None
    return mapping(value).get(name)


def load(path: Path) -> HttpJson:
    """Read a description. Raises UserError that names the file and what is wrong with it."""
    try:
        description = decode(path.read_bytes())
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not JSON"
        raise UserError(f"cannot read the API description {path}: {reason}") from None
    body = mapping(description)
    problem = _find_problem(body)
    if problem:
        raise UserError(f"API description {path}: {problem}")
    limits = {name: integer(value) for name, value in mapping(body.get("limits")).items()}
    return HttpJson(
        url=body["url"],
        rows=tuple(body["rows"]),
        fields={name: str(value) for name, value in body["fields"].items()},
        intervals=mapping(body.get("intervals")),
        time_unit=body.get("time_unit", "text"),
        headers=mapping(body.get("headers")),
        limits=Limits(**limits),
        days_per_request=integer(body.get("days_per_request")) or 30,
        source=body.get("source", "http_json"),
    )


def _find_problem(body: dict[str, Any]) -> str:
    """Return what is wrong with a description; empty when it is valid."""
    unknown = set(body) - _KNOWN
    url = str(body.get("url", ""))
    if unknown:
        return f"unknown entries {', '.join(sorted(unknown))}"
    if not url.startswith(("https://", "http://127.0.0.1")):
        return "'url' must begin with https://"
    if not isinstance(body.get("rows"), list) or not all(isinstance(step, str) for step in body["rows"]):
        return "'rows' must be a list of names, [] for the top"
    missing = [name for name in _REQUIRED if name not in mapping(body.get("fields"))]
    if missing:
        return f"'fields' lacks {', '.join(missing)}"
    if body.get("time_unit", "text") not in _UNITS:
        return f"'time_unit' must be one of {', '.join(_UNITS)}"
    bad_limits = set(mapping(body.get("limits"))) - {"per_second", "per_minute", "per_day"}
    if bad_limits:
        return f"unknown limits {', '.join(sorted(bad_limits))}"
    return ""

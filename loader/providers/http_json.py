"""Any JSON API, by a description (`loader.providers.description`): requests, pages, errors, and the rows of an answer.

In the URL `{symbol} {interval} {limit} {offset} {key}` are replaced, and the bounds of the range as `{first_date}`,
`{first_time}` (ISO 8601), `{first_epoch}`, `{first_ms}`, `{first_us}`, `{first_ns}`, and the same with `until`; in
headers `{key}`. TICKERLAKE_HTTP_JSON names the description of the provider `http_json`.
"""

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlsplit

from loader.decode import Number, decode, looks_like_html
from loader.http import Http, HttpResponse, classify_status
from loader.outcome import Kind, Outcome
from loader.providers import description
from loader.providers.base import FetchRequest, Limits, keep_requested_rows
from loader.providers.described import parse_rows
from loader.providers.description import Description
from loader.providers.file_rows import FileError, find_path, json_rows
from loader.providers.parse_context import ParseContext
from loader.record import BAR_INTERVALS
from loader.vendor_message import classify_envelope, clean_text, extract_text, with_text

_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_MAX_PAGES = 500
"""More pages than any planned request has: an API that never ends is an error."""


class _CutOffError(Exception):
    """A full answer whose rest cannot be requested."""


@dataclass(frozen=True, slots=True)
class HttpJson:
    """A described API."""

    description: Description

    @property
    def source(self) -> str:
        """The feed of the rows."""
        return self.description.feed

    @property
    def limits(self) -> Limits:
        """The described limits of a key."""
        return self.description.limits

    @property
    def key_variable(self) -> str:
        """TICKERLAKE_<NAME>_KEY, if the description uses a key."""
        texts = self.description.url + "".join(self.description.headers.values())
        name = re.sub("[^A-Z0-9]", "_", self.description.name.upper())
        return f"TICKERLAKE_{name}_KEY" if "{key}" in texts else ""

    def plan(self, request: FetchRequest, bar_interval: str) -> list[FetchRequest]:
        """Split the range into pieces of `days_per_request` or `hours_per_request`, none with more than `max_rows`."""
        span = self.description.span
        if self.description.max_rows and not self.description.paging and request.dataset == "bars":
            longest = timedelta(minutes=BAR_INTERVALS.get(bar_interval, 1) * self.description.max_rows)
            span = min(span, longest)
        requests, first = [], request.first
        while first < request.until:
            following = first + span
            requests.append(FetchRequest(request.dataset, first, min(following, request.until)))
            first = following
        return requests

    def fetch(self, http: Http, context: ParseContext, request: FetchRequest, key: str) -> tuple[bytes, Outcome]:
        """Make one request, page by page, and keep the rows of the requested range.

        An answer with `max_rows` rows is cut off until the next page is empty: a failure in between fails the whole.
        """
        whole: Outcome | None = None
        bodies: list[bytes] = []
        params: dict[str, str] = {}
        url = self._url(context, request, key, 0)
        position = request
        seen: set[str] = set()
        for _ in range(_MAX_PAGES):
            response = http.get(url, params, self._headers(key))
            bodies.append(response.body)
            outcome, rows = self._outcome(response, context, request.dataset)
            if outcome.is_failure:
                return response.body, outcome
            whole = outcome if whole is None else _joined(whole, outcome)
            try:
                following = self._next_page(response.body, context, request, position, outcome, rows, key, len(seen))
            except _CutOffError as error:
                return response.body, Outcome(Kind.UNKNOWN, message=str(error))
            if following is None:
                return b"\n".join(bodies), keep_requested_rows(whole, request)
            url, params, position = following
            page = repr((url.replace(key, "") if key else url, params))
            if page in seen:
                return response.body, Outcome(Kind.UNKNOWN, message="the next page is the same page again")
            seen.add(page)
        return b"", Outcome(Kind.UNKNOWN, message=f"more than {_MAX_PAGES} pages: describe a shorter days_per_request")

    def parse(self, payload: bytes, context: ParseContext, dataset: str = "bars") -> Outcome:
        """Parse one body. Never raises: a body unlike the description is an UNKNOWN outcome."""
        return self._parse(payload, context, dataset)[0]

    def _outcome(self, response: HttpResponse, context: ParseContext, dataset: str) -> tuple[Outcome, int]:
        failure = classify_status(response, has_key=bool(self.key_variable))
        if not failure and response.status >= 400:
            failure = self._described_error(response.body)
        if not failure and response.status == 404:
            failure = Outcome(Kind.UNKNOWN_SYMBOL, message=with_text("not found (404)", extract_text(response.body)))
        if not failure and response.status >= 400:
            reason = f"status {response.status}"
            failure = Outcome(Kind.BAD_REQUEST, message=with_text(reason, extract_text(response.body)))
        return (failure, 0) if failure else self._parse(response.body, context, dataset)

    def _described_error(self, payload: bytes) -> Outcome | None:
        try:
            body = decode(payload)
        except ValueError:
            return None
        return self._match_error(body)

    def _match_error(self, body: object) -> Outcome | None:
        for rule in self.description.errors:
            text = find_path(body, rule.path)
            is_match = rule.phrase == str(text) if isinstance(text, Number) else rule.phrase in str(text).lower()
            if text is not None and is_match:
                return Outcome(rule.kind, message=with_text("the vendor says", clean_text(text)))
        return None

    def _parse(self, payload: bytes, context: ParseContext, dataset: str) -> tuple[Outcome, int]:
        """Return the outcome of a body, and how many rows it has."""
        described = replace(self.description, dataset=dataset)
        try:
            body = decode(payload)
        except ValueError:
            if looks_like_html(payload):
                return Outcome(Kind.TRANSPORT, message="a web page"), 0
            return Outcome(Kind.UNKNOWN, message="not JSON"), 0
        failure = self._match_error(body)
        if failure:
            return failure, 0
        holder = find_path(body, described.rows)
        failure = None if holder else classify_envelope(body)
        if failure:
            return failure, 0
        if (
            holder is None
            and described.rows
            and isinstance(find_path(body, described.rows[:-1]), dict)
            and self._is_null(body)
        ):
            return Outcome(Kind.EMPTY), 0
        try:
            rows = list(json_rows(body, described))
        except FileError as error:
            return Outcome(Kind.UNKNOWN, message=str(error)), 0
        return parse_rows(rows, self._in_convention(context), described, dataset), len(rows)

    def _is_null(self, body: object) -> bool:
        """Return whether the rows are there as null: vendors write so that there are none."""
        parent = find_path(body, self.description.rows[:-1])
        return isinstance(parent, dict) and self.description.rows[-1] in parent

    def _in_convention(self, context: ParseContext) -> ParseContext:
        zone = self.description.zone or context.convention.zone
        convention = replace(context.convention, zone=zone, label=self.description.label or context.convention.label)
        return replace(context, convention=convention, currency=self.description.currency or context.currency)

    def _next_page(
        self,
        payload: bytes,
        context: ParseContext,
        request: FetchRequest,
        position: FetchRequest,
        outcome: Outcome,
        rows: int,
        key: str,
        page: int,
    ) -> tuple[str, dict[str, str], FetchRequest] | None:
        """Return the address, the parameters and the range of the next page; None after the last."""
        paging, limit = self.description.paging, self.description.max_rows
        is_full = bool(limit) and rows >= limit
        if paging and paging.by in ("token", "next_url"):
            value = find_path(decode(payload), paging.path)
            if value is None or value == "":
                return None
            if paging.by == "token":
                return self._url(context, request, key, 0), {paging.parameter: str(value)}, position
            return self._address(str(value), key), {}, position
        if not is_full:
            return None
        if paging and paging.by == "offset":
            return self._url(context, request, key, (page + 1) * limit), {}, position
        times = _times(outcome)
        last = max(times, default=position.first)
        is_whole = last >= request.until - timedelta(minutes=1) and min(times) <= position.first
        if is_whole:
            return None
        if last <= position.first or (position == request and min(times) > position.first + (last - min(times))):
            raise _CutOffError(f"an answer of {rows:,} rows is cut off: describe a shorter hours_per_request")
        following = replace(position, first=last)
        return self._url(context, following, key, 0), {}, following

    def _address(self, address: str, key: str) -> str:
        """Return the next address on the described host, with the key in its place; another host gets no request."""
        own, other = urlsplit(self.description.url), urlsplit(address)
        if other.netloc and other.netloc != own.netloc:
            other = other._replace(scheme=own.scheme, netloc=own.netloc)
        names = [name for name, value in parse_qsl(own.query) if value == "{key}"]
        query = [(name, value) for name, value in parse_qsl(other.query) if name not in names]
        query += [(name, key) for name in names]
        text = "&".join(f"{quote(name)}={quote(value, safe='')}" for name, value in query)
        return other._replace(scheme=own.scheme, netloc=own.netloc, query=text).geturl()

    def _url(self, context: ParseContext, request: FetchRequest, key: str, offset: int) -> str:
        interval = "1day" if request.dataset == "daily_bars" else context.bar_interval
        values = {
            "symbol": context.symbol,
            "interval": self.description.intervals.get(interval, interval),
            "limit": str(self.description.max_rows or ""),
            "offset": str(offset),
            "key": key,
            **_bounds("first", request.first),
            **_bounds("until", request.until),
        }
        return _PLACEHOLDER.sub(lambda match: quote(values.get(match[1], ""), safe=""), self.description.url)

    def _headers(self, key: str) -> dict[str, str]:
        return {name: text.replace("{key}", key) for name, text in self.description.headers.items()}


def _bounds(name: str, moment: datetime) -> dict[str, str]:
    seconds = int(moment.timestamp())
    return {
        f"{name}_date": moment.date().isoformat(),
        f"{name}_time": moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        f"{name}_epoch": str(seconds),
        f"{name}_ms": str(seconds * 10**3),
        f"{name}_us": str(seconds * 10**6),
        f"{name}_ns": str(seconds * 10**9),
    }


def _joined(whole: Outcome, page: Outcome) -> Outcome:
    """Return the outcome of some pages; a bar that two pages have is there once."""
    known = {(bar.symbol, bar.bar_start) for bar in whole.bars if bar.bar_start}
    bars = [*whole.bars, *(bar for bar in page.bars if (bar.symbol, bar.bar_start) not in known)]
    days = [*whole.daily_bars, *page.daily_bars]
    actions = [*whole.actions, *page.actions]
    kind = Kind.BARS if bars or days or actions else Kind.EMPTY
    return Outcome(kind, bars, whole.null_rows + page.null_rows, "", days, actions)


def _times(outcome: Outcome) -> list[datetime]:
    """Return the times of a page's rows."""
    days = [
        datetime.combine(day.session_date, datetime.min.time(), UTC) for day in outcome.daily_bars if day.session_date
    ]
    return [*(bar.bar_start for bar in outcome.bars if bar.bar_start), *days]


def load(path: Path) -> HttpJson:
    """Return the provider of a description. Raises UserError that names the file and what is wrong with it."""
    described = description.read(path)
    return HttpJson(replace(described, name="http_json"))

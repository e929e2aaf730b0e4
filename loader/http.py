"""The HTTP client for vendors: one connection pool, time-outs, limited bodies, checked TLS, redacted responses."""

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType

import requests
import urllib3

from loader.outcome import Kind, Outcome
from loader.redact import LogFilter, Redactor
from loader.vendor_message import extract_text, is_burst_limit, is_daily_quota, with_text

MAX_BYTES = 8 * 1024 * 1024
"""Largest accepted body: a month of minutes takes 3.5 MB, and decoding may take 160 times a hostile body's size."""
_CHUNK = 64 * 1024
_AGENT = "Mozilla/5.0 (tickerlake)"


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """A redacted response. Status 0: there was none, and `error` is the reason in a few words."""

    status: int
    body: bytes = b""
    error: str = ""


class Http:
    """A session that is closed with its `with` block. Time-outs in seconds; `total` limits a slow body."""

    def __init__(
        self,
        redactor: Redactor,
        connect: float = 5.0,
        read: float = 30.0,
        total: float = 60.0,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        self._redactor = redactor
        self._timeout = (connect, read)
        self._total = total
        self._max_bytes = max_bytes
        self._session = requests.Session()
        self._session.headers["User-Agent"] = _AGENT
        self._filter = LogFilter(redactor)
        logging.getLogger("urllib3.connectionpool").addFilter(self._filter)

    def __enter__(self) -> "Http":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._session.close()
        logging.getLogger("urllib3.connectionpool").removeFilter(self._filter)

    def get(self, url: str, params: Mapping[str, str], headers: Mapping[str, str] | None = None) -> HttpResponse:
        """Fetch a URL without following redirects. Never raises: a failure is a response with status 0.

        The exception's text is dropped, since it contains the URL.
        """
        deadline = time.monotonic() + self._total
        try:
            with self._session.get(
                url,
                params=dict(params),
                headers=dict(headers or {}),
                timeout=self._timeout,
                stream=True,
                allow_redirects=False,
            ) as response:
                body = bytearray()
                for chunk in response.iter_content(_CHUNK):
                    body += chunk
                    if len(body) > self._max_bytes:
                        return HttpResponse(0, error=f"body larger than {self._max_bytes:,} bytes")
                    if time.monotonic() > deadline:
                        return HttpResponse(0, error=f"body not complete after {self._total:.0f} s")
                return HttpResponse(response.status_code, self._redactor.bytes(bytes(body)))
        except (requests.RequestException, urllib3.exceptions.HTTPError, ValueError) as error:
            return HttpResponse(0, error=type(error).__name__)


def classify_status(response: HttpResponse, *, has_key: bool = True) -> Outcome | None:
    """Return the outcome of an HTTP status; None when the body decides (200, and statuses with a vendor's message).

    The vendor's own text follows in the message. Without a key, status 401 is no wrong key: Yahoo's "Invalid Crumb"
    passes like a broken connection, anything else is not served.
    """
    status = response.status
    if not status:
        return Outcome(Kind.TRANSPORT, message=response.error)
    text = extract_text(response.body) if status >= 400 else ""
    if status == 429:
        is_daily = is_daily_quota(text) and not is_burst_limit(text.replace("Too Many Requests", ""))
        kind, reason = (
            (Kind.DAILY_QUOTA, "the quota is used up") if is_daily else (Kind.BURST_LIMIT, "too many requests")
        )
        return Outcome(kind, message=reason if text.lower() == reason else with_text(reason, text))
    if status == 401 and has_key:
        return Outcome(Kind.BAD_KEY, message=with_text("the vendor refused the key (401)", text))
    if status == 401:
        kind = Kind.TRANSPORT if "crumb" in text.lower() else Kind.ENTITLEMENT
        return Outcome(kind, message=with_text("the vendor refused the request without a key (401)", text))
    if status == 403:
        return Outcome(Kind.ENTITLEMENT, message=with_text("not subscribed or not allowed (403)", text))
    if status == 451:
        return Outcome(Kind.ENTITLEMENT, message=with_text("not served in this place (451)", text))
    if status >= 500 or 300 <= status < 400 or status == 408:
        return Outcome(Kind.TRANSPORT, message=with_text(f"status {status}", text))
    return None

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


def classify_status(response: HttpResponse) -> Outcome | None:
    """Return the outcome of an HTTP status; None when the body decides (200, and statuses with a vendor's message)."""
    status = response.status
    if not status:
        return Outcome(Kind.TRANSPORT, message=response.error)
    if status == 429:
        message = response.body[:2000].lower()
        is_daily = any(word in message for word in (b"daily", b"per day", b"monthly", b"per month"))
        return Outcome(Kind.DAILY_QUOTA, message="the quota is used up") if is_daily else _burst_limit()
    if status == 401:
        return Outcome(Kind.BAD_KEY, message="the vendor refused the key (401)")
    if status == 403:
        return Outcome(Kind.ENTITLEMENT, message="not subscribed or not allowed (403)")
    if status >= 500 or 300 <= status < 400 or status == 408:
        return Outcome(Kind.TRANSPORT, message=f"status {status}")
    return None


def _burst_limit() -> Outcome:
    return Outcome(Kind.BURST_LIMIT, message="too many requests")

"""Trino's client protocol: post a statement, read its pages, watch how many bytes it scans."""

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from local_aws.athena.errors import StatementError
from local_aws.athena.types import TrinoColumn
from local_aws.catalogs import HIVE

_RETRIED_STATUS_CODES = (429, 502, 503, 504)


@dataclass(slots=True)
class QueryResult:
    """The columns, update count and cost of one statement. Its rows are passed on page by page, not kept."""

    columns: list[TrinoColumn] = field(default_factory=list)
    update_type: str | None = None
    update_count: int | None = None
    scanned_bytes: int = 0
    queued_ms: int = 0
    planning_ms: int = 0
    engine_ms: int = 0


@dataclass(frozen=True, slots=True)
class QueryContext:
    """The default database of a statement, and the execution it belongs to."""

    database: str
    execution_id: str


OnPage = Callable[[list[TrinoColumn], list[list[Any]]], None]
OnProgress = Callable[[int], None]


class TrinoClient:
    """A client of one Trino server."""

    def __init__(self, url: str) -> None:
        self._url = url

    def run(
        self,
        sql: str,
        context: QueryContext,
        *,
        session: dict[str, str] | None = None,
        prepared: str = "",
        on_page: OnPage | None = None,
        on_progress: OnProgress | None = None,
    ) -> QueryResult:
        """Run one statement to its end, and wait up to 60 s for a server that starts up.

        `prepared` is a statement named q, for DESCRIBE OUTPUT. `on_progress` is called with the bytes scanned so
        far; when it raises, the statement is cancelled. Raises StatementError when the statement or the server fails.
        """
        deadline = time.monotonic() + 60
        while True:
            try:
                return self._run(sql, _headers(context, session, prepared), on_page, on_progress)
            except StatementError as error:
                if error.name != "SERVER_STARTING_UP" or time.monotonic() > deadline:
                    raise
            time.sleep(0.3)

    def _run(
        self, sql: str, headers: dict[str, str], on_page: OnPage | None, on_progress: OnProgress | None
    ) -> QueryResult:
        result = QueryResult()
        page = self._call("POST", f"{self._url}/v1/statement", sql.encode(), headers)
        while True:
            stats = page.get("stats", {})
            result.scanned_bytes = stats.get("physicalInputBytes", 0)
            if page.get("columns"):
                result.columns = page["columns"]
            if on_page and result.columns:
                on_page(result.columns, page.get("data") or [])
            next_url = page.get("nextUri")
            if not next_url:
                break
            if on_progress:
                try:
                    on_progress(result.scanned_bytes)
                except Exception:
                    self._call("DELETE", next_url)
                    raise
            page = self._call("GET", next_url)
        if error := page.get("error"):
            name = error.get("errorName", "GENERIC_INTERNAL_ERROR")
            is_user_error = error.get("errorType") == "USER_ERROR"
            raise StatementError(f"{name}: {error.get('message', '')}", name, is_user_error=is_user_error)
        result.queued_ms = stats.get("queuedTimeMillis", 0)
        result.engine_ms = max(0, stats.get("elapsedTimeMillis", 0) - result.queued_ms)
        result.planning_ms = stats.get("planningTimeMillis", 0) + stats.get("analysisTimeMillis", 0)
        result.update_type, result.update_count = page.get("updateType"), page.get("updateCount")
        return result

    def _call(
        self, method: str, url: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> dict[str, Any]:
        """Make one HTTP call. A POST is repeated while the server refuses connections: it has not seen the statement.

        Raises StatementError when the connection breaks in any other way.
        """
        request = urllib.request.Request(url, body, headers or {}, method=method)  # noqa: S310
        deadline = time.monotonic() + (60 if method == "POST" else 10)
        while True:
            try:
                with urllib.request.urlopen(request, timeout=120) as response:  # noqa: S310
                    raw = response.read()
                # parse_float=str: Athena returns doubles as Java prints them, 1.0E10
                page: dict[str, Any] = json.loads(raw, parse_float=str) if raw else {}
                return page
            except urllib.error.HTTPError as error:
                if error.code not in _RETRIED_STATUS_CODES or time.monotonic() > deadline:
                    raise _connection_lost(f"HTTP {error.code}") from error
            except OSError as error:
                is_refused = isinstance(getattr(error, "reason", None), ConnectionRefusedError)
                if not (method == "POST" and is_refused) or time.monotonic() > deadline:
                    raise _connection_lost(str(error)) from error
            time.sleep(0.1)


def _connection_lost(reason: str) -> StatementError:
    return StatementError(
        f"GENERIC_INTERNAL_ERROR: lost the connection to Trino: {reason}; check what a write left before you repeat it",
        "GENERIC_INTERNAL_ERROR",
        is_user_error=False,
    )


def _headers(context: QueryContext, session: dict[str, str] | None, prepared: str) -> dict[str, str]:
    headers = {
        "X-Trino-User": "athena",
        "X-Trino-Catalog": HIVE,
        "X-Trino-Schema": context.database,
        "X-Trino-Time-Zone": "UTC",
        "X-Trino-Source": "athena",
        "X-Trino-Client-Tags": context.execution_id,
        # without it Trino cuts timestamp(6) to milliseconds
        "X-Trino-Client-Capabilities": "PARAMETRIC_DATETIME",
    }
    if session:
        headers["X-Trino-Session"] = ",".join(f"{key}={urllib.parse.quote(value)}" for key, value in session.items())
    if prepared:
        headers["X-Trino-Prepared-Statement"] = "q=" + urllib.parse.quote_plus(prepared)
    return headers

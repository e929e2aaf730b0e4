"""Trino's client protocol: post a statement, follow the pages, watch what it reads."""

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from local_aws.athena.errors import StatementError
from local_aws.trino_server import HIVE

_BUSY = (429, 502, 503, 504)


@dataclass(slots=True)
class Outcome:
    """What one statement left: its columns, its update count and what it cost. Rows go to the caller page by page."""

    columns: list[dict[str, Any]] = field(default_factory=list)
    update_type: str | None = None
    update_count: int | None = None
    scanned_bytes: int = 0
    queued_ms: int = 0
    planning_ms: int = 0
    engine_ms: int = 0


@dataclass(frozen=True, slots=True)
class Context:
    """For whom a statement runs: the default database, and the execution it belongs to."""

    database: str
    execution_id: str


OnPage = Callable[[list[dict[str, Any]], list[list[Any]]], None]
MayContinue = Callable[[int], None]


class TrinoClient:
    """Runs statements on one Trino server."""

    def __init__(self, url: str) -> None:
        self._url = url

    def run(
        self,
        sql: str,
        context: Context,
        *,
        session: dict[str, str] | None = None,
        prepared: str = "",
        on_page: OnPage | None = None,
        may_continue: MayContinue | None = None,
    ) -> Outcome:
        """Run one statement to its end.

        `prepared` is a statement known as q, for DESCRIBE OUTPUT. `may_continue` is called with the bytes read so
        far and stops the statement by raising. Raises StatementError when the statement or the server fails.
        """
        deadline = time.monotonic() + 60
        while True:
            try:
                return self._run(sql, context, session, prepared, on_page, may_continue)
            except StatementError as error:
                if error.name != "SERVER_STARTING_UP" or time.monotonic() > deadline:
                    raise
            time.sleep(0.3)

    def _run(
        self,
        sql: str,
        context: Context,
        session: dict[str, str] | None,
        prepared: str,
        on_page: OnPage | None,
        may_continue: MayContinue | None,
    ) -> Outcome:
        outcome = Outcome()
        answer = self._call("POST", f"{self._url}/v1/statement", sql.encode(), _headers(context, session, prepared))
        while True:
            stats = answer.get("stats", {})
            outcome.scanned_bytes = stats.get("physicalInputBytes", 0)
            if answer.get("columns"):
                outcome.columns = answer["columns"]
            if on_page and outcome.columns:
                on_page(outcome.columns, answer.get("data") or [])
            following = answer.get("nextUri")
            if not following:
                break
            if may_continue:
                try:
                    may_continue(outcome.scanned_bytes)
                except Exception:
                    self._call("DELETE", following)
                    raise
            answer = self._call("GET", following)
        outcome.queued_ms = stats.get("queuedTimeMillis", 0)
        outcome.engine_ms = max(0, stats.get("elapsedTimeMillis", 0) - outcome.queued_ms)
        outcome.planning_ms = stats.get("planningTimeMillis", 0) + stats.get("analysisTimeMillis", 0)
        if error := answer.get("error"):
            name = error.get("errorName", "GENERIC_INTERNAL_ERROR")
            raise StatementError(
                f"{name}: {error.get('message', '')}", name, is_users=error.get("errorType") == "USER_ERROR"
            )
        outcome.update_type, outcome.update_count = answer.get("updateType"), answer.get("updateCount")
        return outcome

    def _call(
        self, method: str, url: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> dict[str, Any]:
        """One HTTP call. A statement that the server has not seen yet waits for it; one it has lost fails."""
        request = urllib.request.Request(url, body, headers or {}, method=method)  # noqa: S310
        deadline = time.monotonic() + (60 if method == "POST" else 10)
        while True:
            try:
                with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310
                    raw = answer.read()
                # Java's text of a double is the text that Athena shows
                found: dict[str, Any] = json.loads(raw, parse_float=str) if raw else {}
                return found
            except urllib.error.HTTPError as error:
                if error.code not in _BUSY or time.monotonic() > deadline:
                    raise _engine_lost(f"HTTP {error.code}") from error
            except OSError as error:
                is_starting = method == "POST" and isinstance(getattr(error, "reason", None), ConnectionRefusedError)
                if not is_starting or time.monotonic() > deadline:
                    raise _engine_lost(str(error)) from error
            time.sleep(0.1)


def _engine_lost(reason: str) -> StatementError:
    return StatementError(
        f"GENERIC_INTERNAL_ERROR: the engine went away ({reason})", "GENERIC_INTERNAL_ERROR", is_users=False
    )


def _headers(context: Context, session: dict[str, str] | None, prepared: str) -> dict[str, str]:
    headers = {
        "X-Trino-User": "athena",
        "X-Trino-Catalog": HIVE,
        "X-Trino-Schema": context.database,
        "X-Trino-Time-Zone": "UTC",
        "X-Trino-Source": "athena",
        "X-Trino-Client-Tags": context.execution_id,
        # without it timestamp(6) arrives cut to milliseconds
        "X-Trino-Client-Capabilities": "PARAMETRIC_DATETIME",
    }
    if session:
        headers["X-Trino-Session"] = ",".join(f"{key}={urllib.parse.quote(value)}" for key, value in session.items())
    if prepared:
        headers["X-Trino-Prepared-Statement"] = "q=" + urllib.parse.quote_plus(prepared)
    return headers

"""A provider without a vendor: its outcomes are scripted by a function."""

from collections.abc import Callable
from datetime import timedelta

from loader.outcome import Kind, Outcome
from loader.providers.base import FetchRequest, Limits
from loader.providers.parse_context import ParseContext

Script = Callable[[str, FetchRequest], Kind]
"""Returns the outcome of a symbol's request."""


class ScriptedProvider:
    """Serves one bar an hour of the range where the script says BARS, and the script's outcome elsewhere."""

    source, key_variable, limits = "simulated", "", Limits()

    def __init__(self, script: Script) -> None:
        self.script, self.requests = script, list[tuple[str, FetchRequest]]()

    def plan(self, request: FetchRequest, bar_interval: str) -> list[FetchRequest]:
        days = (request.until - request.first).days
        starts = [request.first + timedelta(days=day) for day in range(max(1, days))]
        return [FetchRequest(request.dataset, at, min(at + timedelta(days=1), request.until)) for at in starts]

    def fetch(self, http: object, context: ParseContext, request: FetchRequest, key: str) -> tuple[bytes, Outcome]:
        self.requests.append((context.symbol, request))
        kind = self.script(context.symbol, request)
        if kind is not Kind.BARS:
            return b"", Outcome(kind, message="as scripted")
        hours = int((request.until - request.first).total_seconds() // 3600)
        labels = [(request.first + timedelta(hours=hour)).isoformat() for hour in range(hours)]
        return b"x", Outcome(Kind.BARS, [context.bar(label, *"12121") for label in labels])

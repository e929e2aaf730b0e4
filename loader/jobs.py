"""Jobs over many symbols: increments and back-fills. An attempt is a run; progress is recorded after it landed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from loader import reference
from loader.fetching import QUOTA_USED_UP, Fetcher, FetchReport, utc_now, validate_request
from loader.http import Http
from loader.progress import Progress, advance, finality, is_open, missing_ranges, round_robin
from loader.providers import registry
from loader.providers.base import FetchRequest, LimitedHistory, Provider
from loader.quota import Quota
from loader.record import utc_text
from loader.redact import Redactor
from loader.run import Run
from loader.settings import Settings
from loader.sinks import Sink
from loader.sinks.factory import sink_from_settings
from loader.store import StateStore, store_from_environment

REQUESTS_PER_RUN = 10
"""A back-fill lands and records its progress after so many requests: a kill repeats at most these."""

_HISTORY_MARGIN = timedelta(hours=1)
_SETTLED = timedelta(hours=1)
"""A request counts as done when its range ended so long ago; a younger one, with provisional rows, is made again."""


@dataclass(frozen=True)
class FetchResult:
    """A finished run, the report of its requests, and its ledger record."""

    run: Run
    report: FetchReport
    ledger: dict[str, object]


@dataclass
class FetchJob:
    """One provider, one dataset, some symbols, and the destinations of lines and state."""

    name: str
    provider: Provider
    quota: Quota
    symbols: Sequence[str]
    dataset: str
    bar_interval: str
    lake: Path
    sink: Sink
    store: StateStore
    log: Callable[[str], object]
    archive_all: bool = False
    attempts: int = 3
    now: Callable[[], datetime] = utc_now

    @classmethod
    def build(
        cls,
        settings: Settings,
        name: str,
        symbols: Sequence[str],
        dataset: str,
        bar_interval: str,
        log: Callable[[str], object],
        environment: Mapping[str, str],
    ) -> "FetchJob":
        """Return the job of settings and environment. Raises UserError for unknown or missing values."""
        provider = registry.build_provider(name, environment)
        keys = registry.read_keys(provider, environment)
        store = store_from_environment(settings.lake, environment)
        quota = Quota(store, provider.source, registry.resolve_limits(name, provider, environment), keys)
        validate_request(bar_interval, provider.source, symbols)
        symbols = [reference.resolve_symbol(symbol) for symbol in symbols]
        sink = sink_from_settings(settings)
        return cls(name, provider, quota, symbols, dataset, bar_interval, settings.lake, sink, store, log)

    def split_served(self, first: datetime) -> tuple[datetime, str | None]:
        """Return the earliest time from `first` on that the vendor serves, and what it says of the part before that.

        The limit of a vendor's history moves while requests wait for their turn, so an hour of it is left out.
        """
        limit = (
            self.provider.history(self.dataset, self.bar_interval)
            if isinstance(self.provider, LimitedHistory)
            else None
        )
        if limit is None:
            return first, None
        oldest = self.now().replace(second=0, microsecond=0) - limit
        served_from = max(first, oldest + _HISTORY_MARGIN)
        if first >= oldest - timedelta(minutes=1):
            return served_from, None
        return served_from, (
            f"{utc_text(first)} to {utc_text(served_from)} cannot be fetched: {self.provider.source} serves "
            f"{self.bar_interval} bars of the last {limit.days} days only; use another provider or files"
        )

    def run_requests(self, command: str, requests: Sequence[tuple[str, FetchRequest]]) -> FetchResult:
        """Make requests and land their responses as one run."""
        run = Run(self.lake, command, self.name, self.now(), self.archive_all, sink=self.sink, store=self.store)
        with Http(Redactor(self.quota.keys)) as http:
            fetcher = Fetcher(self.provider, http, self.quota, self.bar_interval, self.log, self.now, self.attempts)
            report = fetcher.fetch(run, requests)
        return FetchResult(run, report, run.finish(self.now()))

    def fetch_range(self, command: str, lookback: timedelta) -> FetchResult:
        """Fetch all symbols from `lookback` before now on."""
        now = self.now()
        first, unserved = self.split_served(now - lookback)
        if unserved:
            self.log(unserved)
        request = FetchRequest(self.dataset, first, now)
        pieces = [
            (symbol, piece) for symbol in self.symbols for piece in self.provider.plan(request, self.bar_interval)
        ]
        return self.run_requests(command, pieces)

    def fetch_increment(self, command: str, lookback: timedelta) -> FetchResult | None:
        """Fetch what is missing or provisional; None when every exchange was closed since the last bar.

        Progress is recorded only when no line waits for a retry, and never past a missed request.
        """
        progress, now = self._live(), self.now()
        requests = missing_ranges(progress, self.symbols, self.dataset, now, lookback)
        if not requests:
            return None
        for symbol, request in requests.items():
            first, unserved = self.split_served(request.first)
            if unserved:
                self.log(f"{symbol}: {unserved}")
            requests[symbol] = replace(request, first=min(first, request.until))
        result = self.run_requests(command, self._plan(requests, progress.read().get("served_at", {})))
        if not result.run.should_retry:
            self._record_increment(progress, result.report, now, now - lookback)
        return result

    def oldest_provisional(self) -> datetime | None:
        """Return the start of the oldest landed row that waits for its final version; None when there is none."""
        waiting = self._live().read().get("provisional", {})
        return min(
            (datetime.fromisoformat(waiting[symbol]) for symbol in self.symbols if symbol in waiting), default=None
        )

    def remaining(
        self, first: datetime, until: datetime, *, again: bool = False
    ) -> tuple[list[tuple[str, FetchRequest]], int]:
        """Return the requests of a back-fill that are not done yet, newest first, and the number of those that are.

        Requests keep their limits from call to call; what the vendor no longer serves is left out. With `again`, done
        requests count as not done.
        """
        done = {} if again else self._backfill().read().get("done", {})
        served_from, _ = self.split_served(first)
        planned = [
            (symbol, replace(request, first=max(request.first, served_from)))
            for symbol, request in self._plan_newest_first(first, until)
            if request.until > served_from
        ]
        remaining = [(symbol, request) for symbol, request in planned if not _is_done(request, done.get(symbol, []))]
        return remaining, len(planned) - len(remaining)

    def forget_done(self, first: datetime, until: datetime) -> None:
        """Forget which requests of a range a back-fill has made, so that it makes them again."""
        span = FetchRequest("", first, until)

        def change(state: dict[str, Any]) -> None:
            recorded = state.setdefault("done", {})
            for symbol in self.symbols:
                recorded[symbol] = [key for key in recorded.get(symbol, []) if not _overlaps(span, key)]

        self._backfill().change(change)

    def backfill(
        self, first: datetime, until: datetime, on_progress: Callable[[int, int], object]
    ) -> tuple[int, list[tuple[str, FetchRequest, str]], int]:
        """Fetch what remains of a range, a run for every few requests, and record each run's progress after it landed.

        Stops when the quota is used up. Calls `on_progress` with the requests done and their total. Returns the number
        of done requests, the missed ones with the reason, and the number of landed lines.
        """
        remaining, _ = self.remaining(first, until)
        done, landed = 0, 0
        missed: list[tuple[str, FetchRequest, str]] = []
        for start in range(0, len(remaining), REQUESTS_PER_RUN):
            requests = remaining[start : start + REQUESTS_PER_RUN]
            result = self.run_requests("backfill", requests)
            landed += int(str(result.ledger["confirmed"]))
            if result.run.should_retry:
                missed += [(symbol, request, "lines not delivered") for symbol, request in requests]
                continue
            report = result.report
            self._record_done(
                [(symbol, request) for symbol, request, _, at in report.done if request.until + _SETTLED <= at]
            )
            done += len(report.done)
            missed += report.missed
            on_progress(done, len(remaining))
            if any(reason == QUOTA_USED_UP for _, _, reason in report.missed):
                missed += [
                    (symbol, request, QUOTA_USED_UP) for symbol, request in remaining[start + REQUESTS_PER_RUN :]
                ]
                break
        return done, missed, landed

    def _plan(self, requests: Mapping[str, FetchRequest], served_at: dict[str, str]) -> list[tuple[str, FetchRequest]]:
        """Split each symbol's range as the vendor serves it, and leave out times when its exchange was closed."""
        pieces = {
            symbol: [piece for piece in self.provider.plan(request, self.bar_interval) if is_open(symbol, piece)]
            for symbol, request in requests.items()
        }
        return round_robin(pieces, served_at)

    def _plan_newest_first(self, first: datetime, until: datetime) -> list[tuple[str, FetchRequest]]:
        request = FetchRequest(self.dataset, first, until)
        pieces = {
            symbol: [piece for piece in self.provider.plan(request, self.bar_interval) if is_open(symbol, piece)][::-1]
            for symbol in self.symbols
        }
        return round_robin(pieces, {})

    @staticmethod
    def _record_increment(progress: Progress, report: FetchReport, now: datetime, settled: datetime) -> None:
        """Record a run's progress. What was answered without rows before `settled` is not requested again."""
        incomplete = {symbol for symbol, _, _ in report.missed}
        final_until: dict[str, datetime] = {}
        provisional: dict[str, datetime | None] = {}
        for symbol, _, outcome, received_at in report.done:
            first, until = finality(outcome, received_at)
            if until:
                provisional[symbol] = provisional.get(symbol) or first
            if until and symbol not in incomplete:
                final_until[symbol] = provisional[symbol] or max(until, final_until.get(symbol, until))
        for symbol in {symbol for symbol, *_ in report.done} - incomplete:
            if not provisional.get(symbol) and symbol in progress.read().get("final_until", {}):
                final_until[symbol] = max(settled, final_until.get(symbol, settled))
        advance(progress, final_until, provisional, now, {symbol for symbol, *_ in report.done})

    def _record_done(self, done: Sequence[tuple[str, FetchRequest]]) -> None:
        def change(state: dict[str, Any]) -> None:
            recorded = state.setdefault("done", {})
            for symbol, request in done:
                recorded[symbol] = sorted({*recorded.get(symbol, []), _request_key(request)})

        self._backfill().change(change)

    def _live(self) -> Progress:
        return Progress.of(self.store, "live", self.provider.source, self.dataset, self.bar_interval)

    def _backfill(self) -> Progress:
        return Progress.of(self.store, "backfill", self.provider.source, self.dataset, self.bar_interval)


def _is_done(request: FetchRequest, keys: Sequence[str]) -> bool:
    """Return whether a recorded request covers this one."""
    first, until = utc_text(request.first), utc_text(request.until)
    return any(
        dataset == request.dataset and start <= first and until <= end
        for dataset, start, end in (key.split(" ") for key in keys)
    )


def _overlaps(span: FetchRequest, key: str) -> bool:
    _, start, end = key.split(" ")
    return start < utc_text(span.until) and utc_text(span.first) < end


def _request_key(request: FetchRequest) -> str:
    return f"{request.dataset} {utc_text(request.first)} {utc_text(request.until)}"

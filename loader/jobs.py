"""Work over many symbols: increments, back-fill, polling. Each attempt is a run; progress is noted after it landed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from loader.fetching import QUOTA_USED_UP, Fetcher, Report, utc_now
from loader.http import Http
from loader.progress import Progress, advance, fair_order, incremental, is_open, reach
from loader.providers import registry
from loader.providers.base import Ask, Provider
from loader.quota import Quota
from loader.record import utc_text
from loader.redact import Redactor
from loader.run import Run
from loader.sinks import Sink
from loader.store import Store

PIECES_PER_RUN = 10
"""A back-fill lands and notes its work every so many requests: a kill costs at most these."""

_SETTLED = timedelta(hours=1)
"""A request is done for good when its range ended so long ago; a younger one, with provisional rows, is made again."""


@dataclass
class Job:
    """One provider, one dataset, some symbols, and where lines and state go."""

    name: str
    provider: Provider
    quota: Quota
    symbols: Sequence[str]
    dataset: str
    bar_interval: str
    lake: Path
    sink: Sink
    store: Store
    say: Callable[[str], object]
    archive_all: bool = False
    attempts: int = 3
    now: Callable[[], datetime] = utc_now

    @classmethod
    def build(
        cls,
        name: str,
        symbols: Sequence[str],
        dataset: str,
        bar_interval: str,
        lake: Path,
        sink: Sink,
        store: Store,
        say: Callable[[str], object],
        environment: Mapping[str, str],
    ) -> "Job":
        """Put a job together from the environment. Raises UserError for what is unknown or missing."""
        made = registry.provider(name, environment)
        keys = registry.keys(made, environment)
        quota = Quota(store, made.source, registry.limits(name, made, environment), keys)
        return cls(name, made, quota, symbols, dataset, bar_interval, lake, sink, store, say)

    def ask(self, command: str, asks: Sequence[tuple[str, Ask]]) -> tuple[Run, Report, dict[str, object]]:
        """Make requests and land their answers as one run. Returns the run, its report and its ledger record."""
        run = Run(self.lake, command, self.name, self.now(), self.archive_all, sink=self.sink, store=self.store)
        with Http(Redactor(self.quota.keys)) as http:
            fetcher = Fetcher(self.provider, http, self.quota, self.bar_interval, self.say, self.now, self.attempts)
            report = fetcher.fetch(run, asks)
        return run, report, run.finish(self.now())

    def plan(self, asks: Mapping[str, Ask], served_at: dict[str, str]) -> list[tuple[str, Ask]]:
        """Cut each symbol's range as the vendor serves it, drop what no exchange traded in, and take turns."""
        pieces = {
            symbol: [piece for piece in self.provider.plan(ask, self.bar_interval) if is_open(symbol, piece)]
            for symbol, ask in asks.items()
        }
        return fair_order(pieces, served_at)

    def increment(self, command: str, back: timedelta) -> tuple[Run, Report, dict[str, object]] | None:
        """Fetch what is missing or provisional; None when every exchange was closed since the last bar.

        Progress is noted only when no line waits for another attempt, and never past a request that was missed.
        """
        progress, now = self._live(), self.now()
        asks = incremental(progress, self.symbols, self.dataset, now, back)
        if not asks:
            return None
        run, report, ledger = self.ask(command, self.plan(asks, progress.read().get("served_at", {})))
        if not run.is_worth_repeating:
            incomplete = {symbol for symbol, _, _ in report.missed}
            reached: dict[str, datetime] = {}
            provisional: dict[str, datetime | None] = {}
            for symbol, _, outcome, received_at in report.done:
                first, until = reach(outcome, received_at)
                if until:
                    provisional[symbol] = provisional.get(symbol) or first
                if until and symbol not in incomplete:
                    reached[symbol] = provisional[symbol] or max(until, reached.get(symbol, until))
            advance(progress, reached, provisional, now, {symbol for symbol, *_ in report.done})
        return run, report, ledger

    def oldest_provisional(self) -> datetime | None:
        """Give the start of the oldest landed row that waits for its final version; None when none does."""
        waiting = self._live().read().get("provisional", {})
        return min((datetime.fromisoformat(waiting[one]) for one in self.symbols if one in waiting), default=None)

    def remaining(self, first: datetime, until: datetime) -> tuple[list[tuple[str, Ask]], int]:
        """Give a back-fill's requests that are not done yet, and how many are."""
        state = self._backfill().read().get("done", {})
        wanted = self.plan({symbol: Ask(self.dataset, first, until) for symbol in self.symbols}, {})
        left = [(symbol, ask) for symbol, ask in wanted if _piece(ask) not in state.get(symbol, [])]
        return left, len(wanted) - len(left)

    def backfill(
        self, first: datetime, until: datetime, tell: Callable[[int, int], object]
    ) -> tuple[int, list[tuple[str, Ask, str]], int]:
        """Fetch what is left of a range, a run for every few requests, and note each run's work once it has landed.

        Stops at the first spent quota. `tell` hears of progress. Returns how many requests were done, which were missed
        and why, and how many lines landed.
        """
        left, _ = self.remaining(first, until)
        done, landed = 0, 0
        missed: list[tuple[str, Ask, str]] = []
        for start in range(0, len(left), PIECES_PER_RUN):
            some = left[start : start + PIECES_PER_RUN]
            run, report, ledger = self.ask("backfill", some)
            landed += int(str(ledger["confirmed"]))
            if run.is_worth_repeating:
                missed += [(symbol, ask, "lines not delivered") for symbol, ask in some]
                continue
            settled = [(symbol, ask) for symbol, ask, _, at in report.done if ask.until + _SETTLED <= at]
            self._note(settled)
            done += len(report.done)
            missed += report.missed
            tell(done, len(left))
            if any(why == QUOTA_USED_UP for _, _, why in report.missed):
                missed += [(symbol, ask, QUOTA_USED_UP) for symbol, ask in left[start + PIECES_PER_RUN :]]
                break
        return done, missed, landed

    def _live(self) -> Progress:
        return Progress.of(self.store, "live", self.provider.source, self.dataset, self.bar_interval)

    def _backfill(self) -> Progress:
        return Progress.of(self.store, "backfill", self.provider.source, self.dataset, self.bar_interval)

    def _note(self, done: Sequence[tuple[str, Ask]]) -> None:
        def change(state: dict[str, Any]) -> None:
            noted = state.setdefault("done", {})
            for symbol, ask in done:
                noted[symbol] = sorted({*noted.get(symbol, []), _piece(ask)})

        self._backfill().change(change)


def _piece(ask: Ask) -> str:
    return f"{ask.dataset} {utc_text(ask.first)} {utc_text(ask.until)}"

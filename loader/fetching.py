"""Requests under a quota: the one loop that `fetch`, `backfill`, `watch` and the Lambda handler share."""

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from loader.http import Http
from loader.outcome import Kind, Outcome
from loader.providers.base import Ask, Provider
from loader.providers.context import Context
from loader.quota import Quota
from loader.run import Run
from tickerlake.errors import UserError

QUOTA_USED_UP = "quota used up"
_GIVEN_UP = (Kind.UNKNOWN_SYMBOL, Kind.BAD_REQUEST, Kind.ENTITLEMENT)


def utc_now() -> datetime:
    """Give the time of day, aware and in UTC."""
    return datetime.now(UTC)


@dataclass
class Report:
    """What came of some requests: `done` is what the vendor answered in full, `missed` is said why."""

    done: list[tuple[str, Ask, Outcome, datetime]] = field(default_factory=list)
    missed: list[tuple[str, Ask, str]] = field(default_factory=list)


@dataclass
class Fetcher:
    """Makes requests of one provider. `say` hears each failure in one redacted line."""

    provider: Provider
    http: Http
    quota: Quota
    bar_interval: str
    say: Callable[[str], object]
    now: Callable[[], datetime] = utc_now
    attempts: int = 3
    rng: random.Random = field(default_factory=random.Random)

    def fetch(self, run: Run, asks: Iterable[tuple[str, Ask]]) -> Report:
        """Make the requests in order and hand their answers to the run.

        A throttled or broken request is repeated; a key whose day is over gives way to the next one; a symbol that the
        vendor does not serve is left out. When no key is left, the rest is reported as missed.
        """
        report = Report()
        hopeless: set[str] = set()
        spent = False
        for symbol, ask in asks:
            if symbol in hopeless:
                report.missed.append((symbol, ask, "the vendor does not serve the symbol"))
                continue
            outcome = None if spent else self._one(run, symbol, ask)
            if outcome is None:
                spent = True
                report.missed.append((symbol, ask, QUOTA_USED_UP))
            elif outcome.is_failure:
                self.say(f"{symbol}: {outcome.kind}: {outcome.message}")
                report.missed.append((symbol, ask, f"{outcome.kind}: {outcome.message}"))
                hopeless |= {symbol} if outcome.kind in _GIVEN_UP else set()
            else:
                report.done.append((symbol, ask, outcome, self.now()))
        return report

    def _one(self, run: Run, symbol: str, ask: Ask) -> Outcome | None:
        outcome: Outcome | None = None
        for attempt in range(self.attempts + len(self.quota.keys)):
            key = self.quota.take()
            if key is None:
                return outcome if outcome and outcome.kind is Kind.BAD_KEY else None
            received_at = self.now()
            context = Context.build(self.provider.source, symbol, self.bar_interval, received_at.date())
            payload, outcome = self.provider.fetch(self.http, context, ask, key)
            run.take(outcome, payload, received_at)
            if outcome.kind is Kind.DAILY_QUOTA:
                self.quota.exhaust(key)
            elif outcome.kind is Kind.BAD_KEY:
                self.quota.refuse(key)
            elif outcome.kind in (Kind.BURST_LIMIT, Kind.TRANSPORT) and attempt + 1 < self.attempts:
                self.quota.sleep(self.rng.uniform(0.5, 2.0 * 2**attempt))
            else:
                return outcome
        return outcome


def check(bar_interval: str, source: str, symbols: Iterable[str]) -> None:
    """Refuse what no request could mend before one is made. Raises UserError."""
    for symbol in symbols:
        if not symbol.isascii() or not symbol.isprintable() or len(symbol) > 32:
            raise UserError(f"'{symbol[:40]}' is no symbol: printable ASCII, at most 32 characters")
        Context.build(source, symbol, bar_interval, datetime.now(UTC).date())

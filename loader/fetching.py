"""Requests under rate limits: the one loop that `fetch`, `backfill`, `watch` and the Lambda handler share."""

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from loader.http import Http
from loader.outcome import Kind, Outcome
from loader.providers.base import FetchRequest, Provider
from loader.providers.parse_context import ParseContext
from loader.quota import Quota
from loader.run import Run
from tickerlake.errors import UserError

QUOTA_USED_UP = "quota used up"
_REFUSALS = (Kind.UNKNOWN_SYMBOL, Kind.BAD_REQUEST, Kind.ENTITLEMENT)
"""What the vendor refuses for good. It concerns the one request: another range of the symbol may be served."""


def utc_now() -> datetime:
    """Return the current time, aware and in UTC."""
    return datetime.now(UTC)


@dataclass
class FetchReport:
    """The results of some requests: `done` were answered in full, `missed` were not, each with the reason."""

    done: list[tuple[str, FetchRequest, Outcome, datetime]] = field(default_factory=list)
    missed: list[tuple[str, FetchRequest, str]] = field(default_factory=list)


@dataclass
class Fetcher:
    """Makes requests of one provider. `log` receives each failure as one redacted line."""

    provider: Provider
    http: Http
    quota: Quota
    bar_interval: str
    log: Callable[[str], object]
    now: Callable[[], datetime] = utc_now
    attempts: int = 3
    rng: random.Random = field(default_factory=random.Random)

    def fetch(self, run: Run, requests: Iterable[tuple[str, FetchRequest]]) -> FetchReport:
        """Make the requests in order and add their responses to the run.

        A throttled or broken request is retried; a key whose daily quota is used up is replaced by the next one; a
        request that the vendor refuses is skipped. When no key is left, the rest is reported as missed.
        """
        report = FetchReport()
        is_spent = False
        for symbol, request in requests:
            outcome = None if is_spent else self._fetch_with_retries(run, symbol, request)
            if outcome is None:
                is_spent = True
                report.missed.append((symbol, request, QUOTA_USED_UP))
            elif outcome.is_failure:
                reason = f"{outcome.kind}: {outcome.message}"
                self.log(f"{symbol}: {reason}")
                report.missed.append((symbol, request, reason))
            else:
                report.done.append((symbol, request, outcome, self.now()))
        return report

    def _fetch_with_retries(self, run: Run, symbol: str, request: FetchRequest) -> Outcome | None:
        outcome: Outcome | None = None
        for attempt in range(self.attempts + len(self.quota.keys)):
            key = self.quota.acquire_key()
            if key is None:
                return outcome if outcome and outcome.kind is Kind.BAD_KEY else None
            received_at = self.now()
            context = ParseContext.build(self.provider.source, symbol, self.bar_interval, received_at.date())
            payload, outcome = self.provider.fetch(self.http, context, request, key)
            run.add_response(outcome, payload, received_at)
            if outcome.kind is Kind.DAILY_QUOTA:
                self.quota.mark_exhausted(key)
            elif outcome.kind is Kind.BAD_KEY:
                self.quota.mark_refused(key)
            elif outcome.kind in (Kind.BURST_LIMIT, Kind.TRANSPORT) and attempt + 1 < self.attempts:
                self.quota.sleep(self.rng.uniform(0.5, 2.0 * 2**attempt))
            else:
                return outcome
        return outcome


def is_refusal(reason: str) -> bool:
    """Return whether a missed request's reason is a refusal: the same request will be refused again."""
    return reason.partition(":")[0] in _REFUSALS


def validate_request(bar_interval: str, source: str, symbols: Iterable[str]) -> None:
    """Raise UserError for symbols, an interval or a source that no request can serve."""
    for symbol in symbols:
        if not symbol.isascii() or not symbol.isprintable() or len(symbol) > 32:
            raise UserError(f"invalid symbol '{symbol[:40]}': use printable ASCII, at most 32 characters")
        ParseContext.build(source, symbol, bar_interval, datetime.now(UTC).date())

"""The interface of a provider: one vendor's requests, one parser per dataset, and a table of outcomes."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol, runtime_checkable

from loader.http import Http
from loader.outcome import Outcome
from loader.providers.parse_context import ParseContext


@dataclass(frozen=True, slots=True)
class FetchRequest:
    """A dataset (`bars`, `daily_bars`, `corporate_actions`) of one symbol in [`first`, `until`), both UTC."""

    dataset: str
    first: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Limits:
    """A vendor's rate limits per key; None where it has none."""

    per_second: int | None = None
    per_minute: int | None = None
    per_day: int | None = None


class Provider(Protocol):
    """A vendor. Instances have no connection and no secret: both are arguments of each request."""

    @property
    def source(self) -> str:
        """The feed of the rows (seeds/source.csv)."""
        ...

    @property
    def key_variable(self) -> str:
        """The environment variable of the vendor's key; empty when it needs none."""
        ...

    @property
    def limits(self) -> Limits:
        """The rate limits of a key."""
        ...

    def plan(self, request: FetchRequest, bar_interval: str) -> list[FetchRequest]:
        """Split a range into requests that the vendor answers in full, oldest first."""
        ...

    def fetch(self, http: Http, context: ParseContext, request: FetchRequest, key: str) -> tuple[bytes, Outcome]:
        """Make one request and return the body with its outcome. Never raises: every response has an outcome."""
        ...


@runtime_checkable
class LimitedHistory(Protocol):
    """A provider whose vendor serves only a documented time back from now."""

    def history(self, dataset: str, bar_interval: str) -> timedelta | None:
        """Return how far back the vendor serves a dataset; None without a limit."""
        ...


def keep_requested_rows(outcome: Outcome, request: FetchRequest) -> Outcome:
    """Return the outcome without rows outside the range (vendors serve whole months); unreadable times stay."""
    return replace(
        outcome,
        bars=[bar for bar in outcome.bars if bar.bar_start is None or request.first <= bar.bar_start < request.until],
        daily_bars=[
            bar
            for bar in outcome.daily_bars
            if bar.session_date is None or request.first.date() <= bar.session_date <= request.until.date()
        ],
        actions=[
            action
            for action in outcome.actions
            if action.effective_date is None or request.first.date() <= action.effective_date <= request.until.date()
        ],
    )

"""What a provider is: one vendor's requests, one parser per dataset, and a table of outcomes."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from loader.http import Http
from loader.outcome import Outcome
from loader.providers.context import Context


@dataclass(frozen=True, slots=True)
class Ask:
    """One request's worth: a dataset (`bars`, `daily_bars`, `corporate_actions`) in [`first`, `until`), both UTC."""

    dataset: str
    first: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Limits:
    """What a vendor grants each key; None where it names no limit."""

    per_second: int | None = None
    per_minute: int | None = None
    per_day: int | None = None


class Provider(Protocol):
    """A vendor. Instances hold no connection and no secret: both are handed in per request."""

    @property
    def source(self) -> str:
        """Feed that the rows belong to (seeds/source.csv)."""
        ...

    @property
    def key_variable(self) -> str:
        """Environment variable of the vendor's key; empty when it needs none."""
        ...

    @property
    def limits(self) -> Limits:
        """What a key is granted."""
        ...

    def plan(self, ask: Ask, bar_interval: str) -> list[Ask]:
        """Cut a range into requests that the vendor answers in full, oldest first."""
        ...

    def fetch(self, http: Http, context: Context, ask: Ask, key: str) -> tuple[bytes, Outcome]:
        """Make one request. Never raises for what a vendor answers: every answer is an outcome."""
        ...


def within(outcome: Outcome, ask: Ask) -> Outcome:
    """Keep the rows of the range asked for; vendors hand out whole months. Rows without a readable time stay."""
    return replace(
        outcome,
        bars=[bar for bar in outcome.bars if bar.bar_start is None or ask.first <= bar.bar_start < ask.until],
        daily_bars=[
            bar
            for bar in outcome.daily_bars
            if bar.session_date is None or ask.first.date() <= bar.session_date <= ask.until.date()
        ],
        actions=[
            action
            for action in outcome.actions
            if action.effective_date is None or ask.first.date() <= action.effective_date <= ask.until.date()
        ],
    )

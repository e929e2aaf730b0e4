"""Progress of each symbol: a run requests only what is missing or provisional. Losing the state costs re-fetches."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from itertools import chain, zip_longest
from typing import Any

from loader.calendar import sessions
from loader.outcome import Outcome
from loader.providers.base import FetchRequest
from loader.record import BAR_INTERVALS, utc_text
from loader.reference import get_instrument
from loader.store import ABSENT, StateStore, VersionConflictError


@dataclass(frozen=True)
class Progress:
    """A small JSON object in `state/`, changed conditionally."""

    store: StateStore
    key: str

    @classmethod
    def of(cls, store: StateStore, purpose: str, provider: str, dataset: str, bar_interval: str) -> "Progress":
        """Return the state of one purpose (`live`, `backfill`)."""
        return cls(store, f"state/{purpose}/{provider}-{dataset}-{bar_interval}.json")

    def read(self) -> dict[str, Any]:
        """Return the state; an unreadable one counts as empty."""
        return self._read()[0]

    def change(self, change: Callable[[dict[str, Any]], None]) -> None:
        """Apply a change to the newest state, again after a conflicting write."""
        while True:
            state, version = self._read()
            change(state)
            try:
                self.store.write(self.key, json.dumps(state, sort_keys=True).encode(), version)
            except VersionConflictError:
                continue
            return

    def _read(self) -> tuple[dict[str, Any], str]:
        stored = self.store.read(self.key)
        try:
            state = json.loads(stored.content) if stored else {}
        except ValueError:
            state = {}
        return (state if isinstance(state, dict) else {}), stored.version if stored else ABSENT


def finality(outcome: Outcome, received_at: datetime) -> tuple[datetime | None, datetime | None]:
    """Return a response's first provisional row, and until when its rows are final: that row, or the last row's end."""
    rows = [
        (bar.bar_start, timedelta(minutes=BAR_INTERVALS[bar.bar_interval]), bar.is_final(received_at))
        for bar in outcome.bars
        if bar.bar_start
    ]
    rows += [
        (datetime.combine(day.session_date, time(), UTC), timedelta(days=1), day.is_final(received_at))
        for day in outcome.daily_bars
        if day.session_date
    ]
    provisional = [start for start, _, is_final in rows if not is_final]
    if provisional:
        return min(provisional), min(provisional)
    return None, max((start + length for start, length, _ in rows), default=None)


def is_open(symbol: str, request: FetchRequest) -> bool:
    """Return whether the symbol's exchange trades, pre and post market included, at some time of the range.

    Daily bars count by the day; corporate actions are announced on any day.
    """
    if request.dataset not in ("bars", "daily_bars"):
        return True
    day = timedelta(days=1)
    around = sessions(get_instrument(symbol).mic, request.first.date() - day, request.until.date() + day)
    return any(session.pre_opens_at < request.until and session.post_closes_at > request.first for session in around)


def round_robin(
    requests: Mapping[str, Sequence[FetchRequest]], served_at: dict[str, str]
) -> list[tuple[str, FetchRequest]]:
    """Order requests symbol by symbol in turn, least recently served first, so that a short quota starves none."""
    symbols = sorted(requests, key=lambda symbol: served_at.get(symbol, ""))
    rounds = zip_longest(*([(symbol, request) for request in requests[symbol]] for symbol in symbols))
    return [item for item in chain.from_iterable(rounds) if item is not None]


def missing_ranges(
    progress: Progress, symbols: Iterable[str], dataset: str, now: datetime, lookback: timedelta
) -> dict[str, FetchRequest]:
    """Return what each symbol lacks: from its first provisional row to now, however long ago; else `lookback`.

    A symbol whose exchange was closed in that time is left out.
    """
    final_until = progress.read().get("final_until", {})
    requests = {}
    for symbol in symbols:
        known = final_until.get(symbol)
        first = datetime.fromisoformat(known) if isinstance(known, str) else now - lookback
        request = FetchRequest(dataset, first, now)
        if first < now and is_open(symbol, request):
            requests[symbol] = request
    return requests


def advance(
    progress: Progress,
    final_until: Mapping[str, datetime],
    provisional: Mapping[str, datetime | None],
    served_at: datetime,
    served: Iterable[str],
) -> None:
    """Record until when symbols are final, their first provisional row, and when they were served.

    `final_until` never moves back.
    """

    def change(state: dict[str, Any]) -> None:
        known = state.setdefault("final_until", {})
        for symbol, moment in final_until.items():
            known[symbol] = max(utc_text(moment), known.get(symbol, ""))
        state.setdefault("served_at", {}).update(dict.fromkeys(served, utc_text(served_at)))
        waiting = state.get("provisional", {}) | {symbol: at and utc_text(at) for symbol, at in provisional.items()}
        state["provisional"] = {symbol: at for symbol, at in waiting.items() if at}

    progress.change(change)

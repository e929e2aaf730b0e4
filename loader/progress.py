"""How far each symbol has come: a run asks only for what is missing or provisional. Losing it costs re-fetches."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain, zip_longest
from typing import Any

from loader.calendar import sessions
from loader.outcome import Outcome
from loader.providers.base import Ask
from loader.record import BAR_INTERVALS, utc_text
from loader.reference import instrument
from loader.run import is_final, is_final_day
from loader.store import ABSENT, Conflict, Store


@dataclass(frozen=True)
class Progress:
    """A small JSON object in `state/`, changed conditionally."""

    store: Store
    key: str

    @classmethod
    def of(cls, store: Store, purpose: str, provider: str, dataset: str, bar_interval: str) -> "Progress":
        """Name the state of one purpose (`live`, `backfill`)."""
        return cls(store, f"state/{purpose}/{provider}-{dataset}-{bar_interval}.json")

    def read(self) -> dict[str, Any]:
        """Give the state; what cannot be read counts as none."""
        return self._read()[0]

    def change(self, change: Callable[[dict[str, Any]], None]) -> None:
        """Apply a change to the newest state, again if somebody else was faster."""
        while True:
            state, version = self._read()
            change(state)
            try:
                self.store.write(self.key, json.dumps(state, sort_keys=True).encode(), version)
            except Conflict:
                continue
            return

    def _read(self) -> tuple[dict[str, Any], str]:
        found = self.store.read(self.key)
        try:
            state = json.loads(found.content) if found else {}
        except ValueError:
            state = {}
        return (state if isinstance(state, dict) else {}), found.version if found else ABSENT


def reach(outcome: Outcome, received_at: datetime) -> tuple[datetime | None, datetime | None]:
    """Give an answer's first provisional row, and up to when its rows are final: to that row, or to the end."""
    rows = [
        (bar.bar_start, timedelta(minutes=BAR_INTERVALS[bar.bar_interval]), is_final(bar, received_at))
        for bar in outcome.bars
        if bar.bar_start
    ]
    rows += [
        (datetime(*day.session_date.timetuple()[:3], tzinfo=UTC), timedelta(days=1), is_final_day(day, received_at))
        for day in outcome.daily_bars
        if day.session_date
    ]
    provisional = [start for start, _, final in rows if not final]
    if provisional:
        return min(provisional), min(provisional)
    return None, max((start + length for start, length, _ in rows), default=None)


def is_open(symbol: str, ask: Ask) -> bool:
    """Tell whether the symbol's exchange trades, pre and post market included, at some time of the range.

    Daily bars count by the day; corporate actions are announced on any day.
    """
    if ask.dataset not in ("bars", "daily_bars"):
        return True
    mic = instrument(symbol).mic
    around = sessions(mic, ask.first.date() - timedelta(days=1), ask.until.date() + timedelta(days=1))
    return any(session.pre_opens_at < ask.until and session.post_closes_at > ask.first for session in around)


def fair_order(asks: Mapping[str, Sequence[Ask]], served_at: dict[str, str]) -> list[tuple[str, Ask]]:
    """Take one request of each symbol in turn, those first that were served longest ago: a short quota starves none."""
    symbols = sorted(asks, key=lambda symbol: served_at.get(symbol, ""))
    rounds = zip_longest(*([(symbol, ask) for ask in asks[symbol]] for symbol in symbols))
    return [item for item in chain.from_iterable(rounds) if item is not None]


def incremental(
    progress: Progress, symbols: Iterable[str], dataset: str, now: datetime, back: timedelta
) -> dict[str, Ask]:
    """Give what each symbol lacks: from its first provisional row on, at first (and at most) `back` before now."""
    state = progress.read().get("final_until", {})
    asks = {}
    for symbol in symbols:
        known = state.get(symbol)
        first = max(datetime.fromisoformat(known), now - back) if isinstance(known, str) else now - back
        ask = Ask(dataset, first, now)
        if first < now and is_open(symbol, ask):
            asks[symbol] = ask
    return asks


def advance(
    progress: Progress,
    reached: Mapping[str, datetime],
    provisional: Mapping[str, datetime | None],
    served_at: datetime,
    served: Iterable[str],
) -> None:
    """Note how far symbols came, their first provisional row, and when they were served; no progress goes back."""

    def change(state: dict[str, Any]) -> None:
        known = state.setdefault("final_until", {})
        for symbol, moment in reached.items():
            known[symbol] = max(utc_text(moment), known.get(symbol, ""))
        state.setdefault("served_at", {}).update(dict.fromkeys(served, utc_text(served_at)))
        waiting = state.get("provisional", {}) | {symbol: at and utc_text(at) for symbol, at in provisional.items()}
        state["provisional"] = {symbol: at for symbol, at in waiting.items() if at}

    progress.change(change)

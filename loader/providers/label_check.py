"""Does a file carry the label it is said to carry? A wrong one moves the opening bar out of the session."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation

from loader.calendar import sessions
from loader.providers.context import Context
from loader.record import BAR_INTERVALS, Bar
from loader.reference import instrument

_ENOUGH_SESSIONS = 3


def contradiction(bars: Iterable[Bar], context: Context) -> str | None:
    """Say which label the volumes point to when it is not the one assumed, else None.

    The opening auction makes the bar that starts at the open the busiest of its neighbours. When the bar after it
    carries more than three times its volume, the labels are bar ends; when the bar before it carries more, starts.
    """
    mic = instrument(context.symbol).mic
    volumes: Counter[datetime] = Counter()
    for bar in bars:
        if bar.bar_start and bar.volume:
            try:
                volumes[bar.bar_start] += int(Decimal(bar.volume))
            except (InvalidOperation, ValueError):
                continue
    if not volumes:
        return None
    opens = [day.opens_at for day in sessions(mic, min(volumes).date(), max(volumes).date())]
    length = timedelta(minutes=BAR_INTERVALS[context.bar_interval])
    traded = [at for at in opens if volumes[at] or volumes[at - length] or volumes[at + length]]
    if len(traded) < _ENOUGH_SESSIONS:
        return None
    before, at_open, after = (sum(volumes[at + shift] for at in traded) for shift in (-length, timedelta(), length))
    if context.convention.label == "start" and after > 3 * at_open:
        return "end"
    if context.convention.label == "end" and before > at_open:
        return "start"
    return None


def describe(context: Context, likely: str) -> str:
    """Word the contradiction for a user, with the remedy."""
    assumed = context.convention.label.upper()
    return (
        f"the bars look {likely.upper()}-labelled, not {assumed}-labelled as assumed for source "
        f"'{context.source.source}': pass --label {likely}, or --trust-label if you know better"
    )

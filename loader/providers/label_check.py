"""A check of the assumed label convention: a wrong one moves the opening bar out of the session."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation

from loader.calendar import sessions
from loader.providers.file_check import TimedBar
from loader.providers.parse_context import ParseContext
from loader.record import BAR_INTERVALS

_MIN_SESSIONS = 3


def detect_other_label(bars: Iterable[TimedBar], context: ParseContext) -> str | None:
    """Return the label that the volumes indicate when it is not the assumed one, else None.

    The opening auction makes the bar that starts at the open the busiest of its neighbours. When the bar after it
    has more than three times its volume, the labels are bar ends; when the bar before it has more, bar starts.
    """
    volumes: Counter[datetime] = Counter()
    for bar in bars:
        if bar.bar_start and bar.volume:
            try:
                volumes[bar.bar_start] += int(Decimal(bar.volume))
            except (InvalidOperation, ValueError):
                continue
    if not volumes:
        return None
    opens = [day.opens_at for day in sessions(context.instrument.mic, min(volumes).date(), max(volumes).date())]
    length = timedelta(minutes=BAR_INTERVALS[context.bar_interval])
    traded = [at for at in opens if volumes[at] or volumes[at - length] or volumes[at + length]]
    if len(traded) < _MIN_SESSIONS:
        return None
    before, at_open, after = (sum(volumes[at + shift] for at in traded) for shift in (-length, timedelta(), length))
    if context.convention.label == "start" and after > 3 * at_open:
        return "end"
    if context.convention.label == "end" and before > at_open:
        return "start"
    return None


def format_label_error(context: ParseContext, likely: str) -> str:
    """Return the error message for a label that the volumes contradict, with the remedy."""
    assumed = context.convention.label.upper()
    return (
        f"the bars look {likely.upper()}-labelled, not {assumed}-labelled as assumed for source "
        f"'{context.source.source}': pass --label {likely}, or --trust-label to land them as they are"
    )

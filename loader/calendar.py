"""Exchange time: sessions in UTC, and the translation of vendors' labels to bar starts."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from loader import reference
from loader.reference import LabelConvention

_LABEL = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?(Z|[+-][0-9]{2}:?[0-9]{2})?"
)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([ T].*)?")
_YEARS = range(1900, 2200)


@dataclass(frozen=True, slots=True)
class Session:
    """One trading day of an exchange; all times UTC. `pre_opens_at` ≤ `opens_at` < `closes_at` ≤ `post_closes_at`."""

    session_date: date
    pre_opens_at: datetime
    opens_at: datetime
    closes_at: datetime
    post_closes_at: datetime


def sessions(mic: str, first: date, last: date) -> Iterator[Session]:
    """Yield the exchange's sessions from `first` to `last`, both included: weekdays less the seed's exceptions.

    Calendars that trade around the clock yield every day, from its start to its end.
    """
    exchange = reference.get_exchange(mic)
    exceptions = reference.get_exchange_exceptions(mic)
    for offset in range((last - first).days + 1):
        day = first + timedelta(days=offset)
        if exchange.is_continuous:
            start, end = exchange.continuous_day(day)
            yield Session(day, start, start, end, end)
            continue
        early_close = exceptions.get(day)
        if day.weekday() > 4 or (day in exceptions and early_close is None):
            continue
        yield Session(
            day,
            exchange.to_utc(day, exchange.pre_opens_at),
            exchange.to_utc(day, exchange.opens_at),
            exchange.to_utc(day, early_close or exchange.closes_at),
            exchange.to_utc(day, exchange.early_post_closes_at if early_close else exchange.post_closes_at),
        )


def parse_bar_start(label: str, convention: LabelConvention, minutes: int) -> datetime | None:
    """Return the start in UTC of the bar that a vendor labels with a time text, or None when it cannot be read.

    An offset in the text counts; text without one is the wall clock of the convention's zone. An END label is shifted
    back by the bar's length. A live bar stamped in mid-minute is floored to the minute.
    """
    if not _LABEL.fullmatch(label.strip()):
        return None
    try:
        moment = datetime.fromisoformat(label.strip())
        if moment.year not in _YEARS:
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=convention.zone)
        moment = moment.astimezone(UTC).replace(second=0, microsecond=0)
    except (ValueError, OverflowError):
        return None
    return moment - timedelta(minutes=minutes) if convention.label == "end" else moment


def parse_session_date(label: str) -> date | None:
    """Return a vendor's day, `YYYY-MM-DD` with or without a time after it, or None when it cannot be read."""
    if not _DAY.fullmatch(label.strip()):
        return None
    try:
        day = date.fromisoformat(label.strip()[:10])
    except ValueError:
        return None
    return day if day.year in _YEARS else None

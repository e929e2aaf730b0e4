"""Exchange time: sessions in UTC, and the translation of vendors' labels to bar starts."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

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
    hours = reference.exchange(mic)
    zone = ZoneInfo(hours["timezone"])
    exceptions = reference.exchange_exceptions(mic)

    def at(day: date, clock: str) -> datetime:
        return datetime.combine(day, time.fromisoformat(clock), zone).astimezone(UTC)

    for offset in range((last - first).days + 1):
        day = first + timedelta(days=offset)
        if hours["is_continuous"] == "true":
            start = datetime.combine(day, time(), zone) - timedelta(hours=int(hours["day_shift_hours"]))
            end = start + timedelta(days=1)
            yield Session(day, start.astimezone(UTC), start.astimezone(UTC), end.astimezone(UTC), end.astimezone(UTC))
            continue
        early_close = exceptions.get(day)
        if day.weekday() > 4 or early_close == "":
            continue
        yield Session(
            day,
            at(day, hours["pre_opens_at"]),
            at(day, hours["opens_at"]),
            at(day, early_close or hours["closes_at"]),
            at(day, hours["early_post_closes_at"] if early_close else hours["post_closes_at"]),
        )


def bar_start(label: str, convention: LabelConvention, minutes: int) -> datetime | None:
    """Translate a vendor's time text to the bar's start in UTC, or None when it cannot be read.

    Text with an offset keeps it; text without is the wall clock of the convention's zone. An END label is shifted back
    by the bar's length. A live bar stamped in mid-minute is floored to the minute.
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


def session_date(label: str) -> date | None:
    """Read a vendor's day, `YYYY-MM-DD` with or without a time after it, or None when it cannot be read."""
    if not _DAY.fullmatch(label.strip()):
        return None
    try:
        day = date.fromisoformat(label.strip()[:10])
    except ValueError:
        return None
    return day if day.year in _YEARS else None

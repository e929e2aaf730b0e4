"""Exchange time: sessions in UTC, and the translation of vendors' labels to bar starts."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from itertools import pairwise
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from loader import reference
from loader.reference import Exchange, LabelConvention

_LABEL = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?(Z|[+-][0-9]{2}:?[0-9]{2})?"
)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([ T].*)?")
_OFFSET = re.compile(r"(?P<sign>[+-])(?P<hours>0[0-9]|1[0-4]):(?P<minutes>[0-5][0-9])")
_YEARS = range(1900, 2200)
_EVENING = timedelta(hours=2)
_HALF_HOUR = 1800


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


class NonexistentTimeError(ValueError):
    """A wall-clock time that the clocks of its zone skipped: the text is in another zone."""


def parse_zone(text: str) -> tzinfo:
    """Return the zone of an IANA name or an offset such as +02:00. Raises ValueError."""
    if match := _OFFSET.fullmatch(text):
        offset = timedelta(hours=int(match["hours"]), minutes=int(match["minutes"]))
        return timezone(-offset if match["sign"] == "-" else offset, text)
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("use an IANA name such as America/New_York, or an offset such as +02:00") from None


def parse_bar_starts(labels: Sequence[str], convention: LabelConvention, minutes: int) -> list[datetime | None]:
    """Return the start in UTC of each bar of a series, in the order of its response; None for an unreadable label.

    An offset in the text counts; text without one is the wall clock of the convention's zone. Times that the wall clock
    shows twice (autumn) are resolved by the order of the labels, which must ascend or descend; where the order does not
    resolve them, the start is None. An END label is shifted back by the bar's length. A live bar stamped in mid-minute
    is floored to the minute. Raises NonexistentTimeError for a time that the clocks skipped (spring).
    """
    shift = timedelta(minutes=minutes if convention.label == "end" else 0)
    starts: list[datetime | None] = []
    walls: list[tuple[int, datetime]] = []
    offsets: dict[int, tuple[timedelta, timedelta]] = {}
    for position, label in enumerate(labels):
        moment = _parse_time(label)
        if moment is None or moment.tzinfo:
            starts.append(moment and _to_start(moment.astimezone(UTC), shift))
            continue
        offset, later_offset = _offsets(moment, convention.zone)
        if offset < later_offset:
            raise NonexistentTimeError(
                f"local time {moment:%H:%M} does not exist on {moment:%Y-%m-%d} in {convention.zone}: "
                "the file is in another zone; pass --timezone"
            )
        if offset > later_offset:
            offsets[position] = (offset, later_offset)
        walls.append((position, moment))
        starts.append(None if offset > later_offset else _to_start((moment - offset).replace(tzinfo=UTC), shift))
    if offsets:
        times = dict(walls)
        for position, fold in _folds_by_order(walls, offsets, timedelta(minutes=minutes)).items():
            starts[position] = _to_start((times[position] - offsets[position][fold]).replace(tzinfo=UTC), shift)
    return starts


def parse_bar_start(label: str, convention: LabelConvention, minutes: int) -> datetime | None:
    """Return the start in UTC of one bar, as `parse_bar_starts`; None when the wall clock shows its time twice."""
    return parse_bar_starts([label], convention, minutes)[0]


def _parse_time(label: str) -> datetime | None:
    if not _LABEL.fullmatch(label.strip()):
        return None
    try:
        moment = datetime.fromisoformat(label.strip())
    except ValueError:
        return None
    return moment if moment.year in _YEARS else None


def _offsets(moment: datetime, zone: tzinfo) -> tuple[timedelta, timedelta]:
    """Return a wall-clock time's offset before and after a change of the clocks; they are equal at other times."""
    return zone.utcoffset(moment) or timedelta(), zone.utcoffset(moment.replace(fold=1)) or timedelta()


def _to_start(moment: datetime, shift: timedelta) -> datetime:
    return moment.replace(second=0, microsecond=0) - shift


def _folds_by_order(
    walls: Sequence[tuple[int, datetime]],
    offsets: Mapping[int, tuple[timedelta, timedelta]],
    length: timedelta,
) -> dict[int, int]:
    """Return the fold (0: before the change, 1: after it) of each ambiguous time that the order determines.

    In an ascending series, the clock steps back exactly once in the repeated hour: what stands before the step is the
    first pass. Equal neighbours are a step only for bars as long as the repeated time.
    """
    steps = [(after > before) - (after < before) for (_, before), (_, after) in pairwise(walls)]
    if sum(steps) < 0:
        walls, steps = walls[::-1], [-step for step in reversed(steps)]
    runs: list[list[int]] = []
    for place, (position, wall) in enumerate(walls):
        if position not in offsets:
            if place and steps[place - 1] < 0:
                return {}
            continue
        is_same_run = bool(runs) and runs[-1][-1] == place - 1 and abs(wall - walls[place - 1][1]) < timedelta(hours=3)
        if is_same_run:
            runs[-1].append(place)
        elif place and steps[place - 1] < 0:
            return {}
        else:
            runs.append([place])
    folds: dict[int, int] = {}
    for run in runs:
        repeated = offsets[walls[run[0]][0]][0] - offsets[walls[run[0]][0]][1]
        back = [place for place in run[1:] if steps[place - 1] < 0]
        if not back and length >= repeated:
            back = [place for place in run[1:] if steps[place - 1] == 0]
        if len(back) == 1:
            folds |= {walls[place][0]: int(place >= back[0]) for place in run}
    return folds


def parse_session_date(label: str, exchange: Exchange | None = None) -> date | None:
    """Return a vendor's day, `YYYY-MM-DD` with or without a time after it, or None when it cannot be read.

    A time with an offset that is not midnight there is moved to the exchange's wall clock. A stamp late on the evening
    before (a midnight in a zone, or on a clock, that has moved since) is the next day.
    """
    if not _DAY.fullmatch(label.strip()):
        return None
    try:
        day = date.fromisoformat(label.strip()[:10])
    except ValueError:
        return None
    if day.year not in _YEARS:
        return None
    moment = _parse_time(label)
    if moment is None:
        return day
    if moment.tzinfo and exchange and moment.time() != time():
        shift = max(exchange.day_shift, _EVENING) if exchange.is_continuous else _EVENING
        return stamped_date(moment.astimezone(exchange.zone), shift)
    return stamped_date(moment)


def stamped_date(moment: datetime, evening: timedelta = _EVENING) -> date:
    """Return the date that a vendor's stamp of a day means, on the wall clock of the moment.

    Stamps are whole half-hours, so one of the last two hours before midnight (or of `evening`) is the next day's; a
    time of another minute is when something happened and has its own date.
    """
    is_stamp = (moment.minute * 60 + moment.second) % _HALF_HOUR == 0 and not moment.microsecond
    return (moment.replace(tzinfo=None) + (evening if is_stamp else timedelta())).date()

"""Checks of what is assumed about a file: its bars contradict a wrong interval and a wrong time zone."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from statistics import median
from typing import Protocol
from zoneinfo import ZoneInfo

from loader.calendar import sessions
from loader.providers.parse_context import ParseContext
from loader.record import BAR_INTERVALS


class TimedBar(Protocol):
    """What the checks need of a bar."""

    @property
    def symbol(self) -> str:
        """The symbol."""
        ...

    @property
    def bar_start(self) -> datetime | None:
        """The start in UTC; None when it is unknown."""
        ...

    @property
    def vendor_label(self) -> str:
        """The time in ISO 8601, without an offset where it is a wall clock."""
        ...

    @property
    def volume(self) -> str | None:
        """The volume as text."""
        ...


_MIN_SPACINGS = 5
_MIN_SESSIONS = 3
_SAMPLED_DAYS = 40
_QUARTER = timedelta(minutes=15)
_AROUND = 32
"""How many quarters of an hour around a session may hold its busiest one."""
_ZONES = (
    *(
        "UTC",
        "America/New_York",
        "America/Chicago",
        "EST",
        "America/Denver",
        "America/Los_Angeles",
        "America/Sao_Paulo",
    ),
    *("Europe/London", "Europe/Berlin", "Europe/Athens", "Europe/Moscow", "Asia/Dubai", "Asia/Karachi", "Asia/Kolkata"),
    *("Asia/Dhaka", "Asia/Bangkok", "Asia/Shanghai", "Asia/Tokyo", "Australia/Sydney", "Pacific/Auckland"),
)
"""The zones that a file is compared with, the likeliest first."""


def detect_interval(bars: Iterable[TimedBar]) -> int | None:
    """Return the minutes between the bars; None when fewer than six bars, or uneven spacing, do not show it.

    The median spacing is the length when nine of ten spacings are multiples of it: bars of a quiet symbol have gaps.
    """
    starts: dict[str, set[datetime]] = {}
    for bar in bars:
        if bar.bar_start:
            starts.setdefault(bar.symbol, set()).add(bar.bar_start)
    spacings = [
        int((after - before).total_seconds()) // 60
        for times in starts.values()
        for before, after in pairwise(sorted(times))
    ]
    if len(spacings) < _MIN_SPACINGS:
        return None
    middle = int(median(spacings))
    if 10 * sum(spacing % middle == 0 for spacing in spacings) >= 9 * len(spacings):
        return middle
    return 1 if min(spacings) < BAR_INTERVALS["5min"] else None


def find_interval_error(bars: Sequence[TimedBar], bar_interval: str) -> str | None:
    """Return the error of an interval that the bars contradict, with the one that fits; None when they agree."""
    minutes = detect_interval(bars)
    if minutes is None or minutes == BAR_INTERVALS[bar_interval]:
        return None
    claimed = BAR_INTERVALS[bar_interval]
    if minutes > claimed and minutes not in BAR_INTERVALS.values() and minutes < 24 * 60 and minutes % claimed == 0:
        names = ", ".join(BAR_INTERVALS)
        return f"the bars are {minutes} minutes apart, not {bar_interval}: accepted intervals are {names}"
    fitting = interval_name(minutes)
    if fitting is None:
        return f"the bars are {minutes:,} minutes apart, not {bar_interval}: no accepted interval fits"
    return f"the bars are {fitting} apart, not {bar_interval}: pass --interval {fitting}, or --trust to land them"


def interval_name(minutes: int) -> str | None:
    """Return the accepted interval of so many minutes."""
    return next((name for name, length in BAR_INTERVALS.items() if length == minutes), None)


def find_zone_error(bars: Sequence[TimedBar], context: ParseContext) -> str | None:
    """Return the error of a zone that the volumes contradict, with the zones that fit; None when nothing is certain.

    In the right zone, a stock's volume lies in its exchange's regular hours, and the busiest quarters of an hour of its
    sessions are the first and the last. Times with an offset, and calendars around the clock, have no zone to check.
    """
    if context.exchange.is_continuous:
        return None
    profile = _profile(bars, timedelta(minutes=_label_shift(context)))
    if len({wall.date() for wall in profile}) < _MIN_SESSIONS:
        return None
    scores = {name: _score(profile, ZoneInfo(name), context.instrument.mic) for name in _ZONES}
    best = max(scores.values(), key=sum)
    claimed = _score(profile, context.convention.zone, context.instrument.mic)
    if best[0] < 0.9 or sum(best) - sum(claimed) < 0.25:
        return None
    fitting = [name for name, score in scores.items() if sum(score) >= sum(best) - 1e-9][:3]
    return (
        f"the times are not in {context.convention.zone}: {claimed[0]:.0%} of the volume would lie in the regular "
        f"hours of {context.instrument.mic}, {best[0]:.0%} in {' or '.join(fitting)}; "
        f"pass --timezone {fitting[0]}, or --trust to land them"
    )


def _label_shift(context: ParseContext) -> int:
    return BAR_INTERVALS[context.bar_interval] if context.convention.label == "end" else 0


def _profile(bars: Iterable[TimedBar], shift: timedelta) -> dict[datetime, float]:
    """Return the volume of each quarter of an hour of the wall clock, of days spread over the file.

    Without any volume, each bar counts as one.
    """
    walls: list[tuple[datetime, float]] = []
    for bar in bars:
        try:
            wall = datetime.fromisoformat(bar.vendor_label.strip())
            if wall.tzinfo is None:
                walls.append((wall - shift, float(Decimal(bar.volume or "0"))))
        except (ValueError, InvalidOperation, OverflowError):
            continue
    days = sorted({wall.date() for wall, _ in walls})
    sampled = set(days[:: max(1, len(days) // _SAMPLED_DAYS)])
    has_volume = any(volume > 0 for _, volume in walls)
    profile: Counter[datetime] = Counter()
    for wall, volume in walls:
        if wall.date() in sampled:
            quarter = wall.replace(minute=wall.minute - wall.minute % 15, second=0, microsecond=0)
            profile[quarter] += volume if has_volume else 1.0  # type: ignore[assignment]
    return dict(profile)


def _score(profile: dict[datetime, float], zone: tzinfo, mic: str) -> tuple[float, float]:
    """Return the share of the volume in regular hours, and half the share of sessions that are busiest at their edges.

    The quarter of an hour after the close counts as regular: the closing auction is reported there.
    """
    utc: Counter[datetime] = Counter()
    for wall, volume in profile.items():
        utc[wall.replace(tzinfo=zone).astimezone(UTC)] += volume  # type: ignore[assignment]
    total = sum(utc.values())
    if not total:
        return 0.0, 0.0
    regular, at_edge, traded = 0.0, 0, 0
    for session in sessions(mic, min(utc).date() - timedelta(days=1), max(utc).date() + timedelta(days=1)):
        count = int((session.closes_at - session.opens_at) / _QUARTER) + 1
        quarters = [session.opens_at + at * _QUARTER for at in range(-_AROUND, count + _AROUND)]
        volumes = [utc.get(quarter, 0.0) for quarter in quarters]
        if any(volumes):
            traded += 1
            regular += sum(volumes[_AROUND : _AROUND + count])
            at_edge += volumes.index(max(volumes)) - _AROUND in (0, count - 2, count - 1)
    return regular / total, at_edge / traded / 2 if traded else 0.0

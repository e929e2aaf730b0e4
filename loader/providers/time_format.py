"""Formats of times in text, in the notation of `strptime`, compiled once and read without a locale."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DIRECTIVES = {
    "Y": r"(?P<Y>[0-9]{4})",
    "y": r"(?P<y>[0-9]{2})",
    "m": r"(?P<m>[0-9]{1,2})",
    "d": r"(?P<d>[0-9]{1,2})",
    "H": r"(?P<H>[0-9]{1,2})",
    "I": r"(?P<I>[0-9]{1,2})",
    "M": r"(?P<M>[0-9]{2})",
    "S": r"(?P<S>[0-9]{2})",
    "f": r"(?P<f>[0-9]{1,9})",
    "p": r"(?P<p>[AaPp]\.?[Mm]\.?)",
    "b": r"(?P<b>[A-Za-z]{3})",
    "B": r"(?P<B>[A-Za-z]{3,9})",
    "a": r"[A-Za-z]{3}",
    "A": r"[A-Za-z]{6,9}",
    "z": r"(?P<z>Z|[+-][0-9]{2}:?[0-9]{2})",
    "Z": r"(?P<Z>[A-Za-z][A-Za-z0-9_/+-]{1,39})",
}
_TWO_DIGITS = frozenset("mdHI")


@dataclass(frozen=True, slots=True)
class TimeFormat:
    """A compiled format; `split` finds the text before the minutes, the minutes, and the text after them."""

    text: str
    pattern: re.Pattern[str]
    split: re.Pattern[str] | None

    @classmethod
    def compile(cls, text: str) -> "TimeFormat":
        """Return the compiled format. Raises ValueError for an unknown directive and for a format without a date."""
        parts: list[str] = []
        names: list[str] = []
        position = 0
        while position < len(text):
            letter = text[position]
            if letter == "%":
                name = text[position + 1 : position + 2]
                if name == "%":
                    parts.append("%")
                elif name not in _DIRECTIVES:
                    raise ValueError(
                        f"unknown directive %{name}: known are {', '.join('%' + at for at in _DIRECTIVES)}"
                    )
                elif name in names and name not in "aA":
                    raise ValueError(f"%{name} is there twice")
                else:
                    before = text[max(0, position - 2) : max(0, position - 1)]
                    is_adjacent = "%" in (text[position + 2 : position + 3], before)
                    directive = _DIRECTIVES[name]
                    parts.append(
                        directive.replace("{1,2}", "{2}") if is_adjacent and name in _TWO_DIGITS else directive
                    )
                    names.append(name)
                position += 2
            elif letter.isspace():
                parts.append(r"\s+")
                position += 1
                while position < len(text) and text[position].isspace():
                    position += 1
            else:
                parts.append(re.escape(letter))
                position += 1
        known = set(names)
        if not (known & {"Y", "y"} and known & {"m", "b", "B"} and "d" in known):
            raise ValueError("it needs a year (%Y), a month (%m) and a day (%d)")
        if known & {"M", "S", "I", "p"} and not known & {"H", "I"}:
            raise ValueError("minutes need hours (%H, or %I with %p)")
        if ("I" in known) != ("p" in known):
            raise ValueError("%I and %p belong together")
        split = None
        if "M" in names:
            before, _, after = "".join(parts).partition(_DIRECTIVES["M"])
            split = re.compile(f"({_without_names(before)})([0-5][0-9])({_without_names(after)})")
        return cls(text, re.compile("".join(parts)), split)

    @property
    def has_time(self) -> bool:
        """Whether the format has a time of day."""
        return bool(self.pattern.groupindex.keys() & {"H", "I"})

    def parse(self, label: str) -> datetime | None:
        """Return the time that a label means, aware when the label has an offset or a zone; None if it does not fit."""
        match = self.pattern.fullmatch(label.strip())
        if match is None:
            return None
        parts = match.groupdict()
        month = parts.get("b") or parts.get("B")
        try:
            zone = _zone(parts)
            return datetime(
                int(parts["Y"]) if parts.get("Y") else _full_year(int(parts["y"])),
                _MONTHS.index(month[:3].lower()) + 1 if month else int(parts["m"]),
                int(parts["d"]),
                _hour(parts),
                int(parts.get("M") or 0),
                int(parts.get("S") or 0),
                int((parts.get("f") or "0").ljust(6, "0")[:6]),
                tzinfo=zone,
            )
        except (ValueError, KeyError, TypeError, OverflowError):
            return None


def _without_names(pattern: str) -> str:
    return re.sub(r"\(\?P<\w>", "(?:", pattern)


def _full_year(year: int) -> int:
    return year + (2000 if year < 69 else 1900)


def _hour(parts: dict[str, str | None]) -> int:
    if parts.get("I") is None:
        return int(parts.get("H") or 0)
    hour = int(parts["I"] or 0)
    if not 1 <= hour <= 12:
        raise ValueError(hour)
    return hour % 12 + (12 if (parts["p"] or "").lower().startswith("p") else 0)


def _zone(parts: dict[str, str | None]) -> tzinfo | None:
    """Return the zone of an offset or a name. Raises ValueError for a name that is no IANA zone."""
    if offset := parts.get("z"):
        if offset == "Z":
            return timezone.utc  # noqa: UP017 - the module has no other use of UTC
        digits = offset[1:].replace(":", "")
        shift = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
        return timezone(-shift if offset[0] == "-" else shift)
    if name := parts.get("Z"):
        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, OSError):
            raise ValueError(name) from None
    return None

"""Reference data that the loader shares with the warehouse: the seed files that dbt loads."""

import csv
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

from tickerlake.errors import UserError

SEEDS = Path(__file__).resolve().parent.parent / "seeds"


@dataclass(frozen=True, slots=True)
class DataSource:
    """A feed: a vendor with one price basis. `settling`: how long after its end a bar may still change."""

    source: str
    price_basis: str
    settling: timedelta


@dataclass(frozen=True, slots=True)
class LabelConvention:
    """How a feed labels its bars: the wall clock of which zone, and whether the label is the bar's start or end."""

    label: str
    zone: tzinfo


@dataclass(frozen=True, slots=True)
class Instrument:
    """A listed symbol: its asset class, exchange calendar (MIC or pseudo-calendar) and currency."""

    symbol: str
    asset_class: str
    mic: str
    currency: str


@dataclass(frozen=True, slots=True)
class Exchange:
    """An exchange's regular hours on the wall clock of its zone.

    A continuous exchange trades around the clock; its day begins `day_shift` before midnight.
    """

    mic: str
    zone: ZoneInfo
    is_continuous: bool
    day_shift: timedelta
    pre_opens_at: time
    opens_at: time
    closes_at: time
    post_closes_at: time
    early_post_closes_at: time

    def to_utc(self, day: date, clock: time) -> datetime:
        """Return a wall-clock time of the exchange's day in UTC."""
        return datetime.combine(day, clock, self.zone).astimezone(UTC)

    def continuous_day(self, day: date) -> tuple[datetime, datetime]:
        """Return the start and the end in UTC of a day that is traded around the clock."""
        start = datetime.combine(day, time(), self.zone) - self.day_shift
        return start.astimezone(UTC), (start + timedelta(days=1)).astimezone(UTC)

    def day_ends_at(self, day: date) -> datetime:
        """Return when a day's trading is over in UTC, post market included."""
        return self.continuous_day(day)[1] if self.is_continuous else self.to_utc(day, self.post_closes_at)


@cache
def _rows(seed: str) -> tuple[dict[str, str], ...]:
    with (SEEDS / f"{seed}.csv").open(newline="", encoding="utf-8") as file:
        return tuple(csv.DictReader(file))


def get_source(name: str) -> DataSource:
    """Return a feed of `seeds/source.csv`. Raises UserError, naming the known feeds, for an unknown one."""
    for row in _rows("source"):
        if row["source"] == name:
            return DataSource(name, row["price_basis"], timedelta(seconds=int(row["settling_seconds"])))
    known = ", ".join(row["source"] for row in _rows("source"))
    raise UserError(f"unknown source '{name}': known are {known}; add a row to seeds/source.csv for another")


def sources() -> list[str]:
    """List the feeds of `seeds/source.csv`."""
    return [row["source"] for row in _rows("source")]


def renamed_symbol(symbol: str, on: date) -> str:
    """Return today's symbol of the one that traded under `symbol` on a date (seeds/symbol_change.csv)."""
    for row in _rows("symbol_change"):
        if row["former_symbol"] == symbol and row["traded_from"] <= on.isoformat() < row["traded_until"]:
            return row["symbol"]
    return symbol


def get_label_convention(source: str, received_on: date) -> LabelConvention:
    """Return how the feed labelled its bars when the data was received (vendors change this: see the seed).

    Raises UserError when the seed has no convention for that day.
    """
    eras = [row for row in _rows("source_label") if row["source"] == source]
    current = [row for row in eras if date.fromisoformat(row["received_from"]) <= received_on]
    if not current:
        raise UserError(
            f"no label convention of source '{source}' at {received_on}: pass --label and --timezone, "
            "or add a row to seeds/source_label.csv"
        )
    era = max(current, key=lambda row: row["received_from"])
    return LabelConvention(era["label"], ZoneInfo(era["timezone"]))


def get_instrument(symbol: str) -> Instrument:
    """Return a symbol of `seeds/symbol.csv`; one that is not listed is a stock on the default calendar (XNYS)."""
    for row in _rows("symbol"):
        if row["symbol"] == symbol:
            return Instrument(symbol, row["asset_class"], row["mic"], row["currency"])
    return Instrument(symbol, "stock", "XNYS", "USD")


def to_canonical_symbol(vendor_symbol: str) -> str:
    """Translate a vendor's spelling by `seeds/symbol_alias.csv`; a symbol without an alias is itself."""
    for row in _rows("symbol_alias"):
        if row["vendor_symbol"] == vendor_symbol:
            return row["symbol"]
    return vendor_symbol


def resolve_symbol(name: str) -> str:
    """Return a user's symbol in this project's spelling, by the seeds' aliases and listed symbols.

    Raises UserError for lower case and `^` that no seed resolves: the warehouse would refuse every line.
    """
    symbol = to_canonical_symbol(name)
    if symbol == name and name != name.upper():
        symbol = to_canonical_symbol(name.upper())
        if symbol == name.upper() and all(row["symbol"] != symbol for row in _rows("symbol")):
            raise UserError(
                f"symbol '{name}' is in lower case: pass '{name.upper()}', or add an alias to seeds/symbol_alias.csv"
            )
    if symbol.startswith("^"):
        raise UserError(f"symbol '{name}' begins with '^': add an alias to seeds/symbol_alias.csv, such as ^VIX,VIX")
    return symbol


def to_vendor_symbol(symbol: str) -> str:
    """Return the spelling of `seeds/symbol_alias.csv` for a symbol, as Yahoo expects it; else the symbol."""
    for row in _rows("symbol_alias"):
        if row["symbol"] == symbol:
            return row["vendor_symbol"]
    return symbol


def universe() -> list[str]:
    """List the curated symbols, in the seed's order."""
    return [row["symbol"] for row in _rows("symbol") if row["is_default"] == "true"]


def split_ratios(symbol: str) -> list[tuple[date, float]]:
    """List the symbol's splits as (effective date, new shares per old share), oldest first."""
    return sorted(
        (date.fromisoformat(row["effective_date"]), int(row["new_shares"]) / int(row["old_shares"]))
        for row in _rows("split")
        if row["symbol"] == symbol
    )


@cache
def get_exchange(mic: str) -> Exchange:
    """Return an exchange of `seeds/exchange.csv`. Raises UserError, naming the known ones, for an unknown one."""
    for row in _rows("exchange"):
        if row["mic"] == mic:
            return Exchange(
                mic=mic,
                zone=ZoneInfo(row["timezone"]),
                is_continuous=row["is_continuous"] == "true",
                day_shift=timedelta(hours=int(row["day_shift_hours"])),
                pre_opens_at=time.fromisoformat(row["pre_opens_at"]),
                opens_at=time.fromisoformat(row["opens_at"]),
                closes_at=time.fromisoformat(row["closes_at"]),
                post_closes_at=time.fromisoformat(row["post_closes_at"]),
                early_post_closes_at=time.fromisoformat(row["early_post_closes_at"]),
            )
    known = ", ".join(row["mic"] for row in _rows("exchange"))
    raise UserError(f"unknown exchange '{mic}': known are {known}; see seeds/exchange.csv")


@cache
def get_exchange_exceptions(mic: str) -> dict[date, time | None]:
    """Map each exceptional weekday of the exchange to its early close, or to None where it is closed."""
    return {
        date.fromisoformat(row["session_date"]): time.fromisoformat(row["closes_at"]) if row["closes_at"] else None
        for row in _rows("exchange_exception")
        if row["mic"] == mic
    }


def calendar_ends() -> dict[str, date]:
    """Return the last date of each exchange calendar, by MIC; calendars that trade around the clock have no end."""
    return {row["mic"]: date.fromisoformat(row["last_date"]) for row in _rows("exchange_calendar")}

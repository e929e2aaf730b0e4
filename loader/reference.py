"""Reference data that the loader shares with the warehouse: the very seed files that dbt loads."""

import csv
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

from tickerlake.errors import UserError

SEEDS = Path(__file__).resolve().parent.parent / "seeds"


@dataclass(frozen=True, slots=True)
class Source:
    """A feed: a vendor with one price basis. `settling_seconds`: how long after its end a bar may still change."""

    source: str
    price_basis: str
    settling_seconds: int


@dataclass(frozen=True, slots=True)
class LabelConvention:
    """How a feed labels its bars: the wall clock of which zone, and whether the label is the bar's start or end."""

    label: str
    zone: ZoneInfo


@dataclass(frozen=True, slots=True)
class Instrument:
    """A listed symbol: its asset class, exchange calendar (MIC or pseudo-calendar) and currency."""

    symbol: str
    asset_class: str
    mic: str
    currency: str


@cache
def _rows(seed: str) -> tuple[dict[str, str], ...]:
    with (SEEDS / f"{seed}.csv").open(newline="", encoding="utf-8") as file:
        return tuple(csv.DictReader(file))


def source(name: str) -> Source:
    """Look a feed up in `seeds/source.csv`. Raises UserError, naming the known feeds, for an unknown one."""
    for row in _rows("source"):
        if row["source"] == name:
            return Source(name, row["price_basis"], int(row["settling_seconds"]))
    known = ", ".join(row["source"] for row in _rows("source"))
    raise UserError(f"unknown source '{name}': known are {known}; add a row to seeds/source.csv for another")


def label_convention(name: str, received_on: date) -> LabelConvention:
    """Find how the feed labelled its bars when the data was received (vendors change this: see the seed)."""
    eras = [row for row in _rows("source_label") if row["source"] == name]
    current = [row for row in eras if date.fromisoformat(row["received_from"]) <= received_on]
    if not current:
        raise UserError(
            f"no label convention of source '{name}' at {received_on}: pass --label and --timezone, "
            "or add a row to seeds/source_label.csv"
        )
    era = max(current, key=lambda row: row["received_from"])
    return LabelConvention(era["label"], ZoneInfo(era["timezone"]))


def instrument(symbol: str) -> Instrument:
    """Look a symbol up in `seeds/symbol.csv`; one that is not listed is a stock on the default calendar (XNYS)."""
    for row in _rows("symbol"):
        if row["symbol"] == symbol:
            return Instrument(symbol, row["asset_class"], row["mic"], row["currency"])
    return Instrument(symbol, "stock", "XNYS", "USD")


def canonical_symbol(vendor_symbol: str) -> str:
    """Translate a vendor's spelling by `seeds/symbol_alias.csv`; a symbol without an alias is itself."""
    for row in _rows("symbol_alias"):
        if row["vendor_symbol"] == vendor_symbol:
            return row["symbol"]
    return vendor_symbol


def vendor_symbol(symbol: str) -> str:
    """Give the spelling that `seeds/symbol_alias.csv` knows for a symbol, as Yahoo expects it; else the symbol."""
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


def exchange(mic: str) -> dict[str, str]:
    """Give the exchange's row of `seeds/exchange.csv`: its zone and wall-clock hours. Raises UserError if unknown."""
    for row in _rows("exchange"):
        if row["mic"] == mic:
            return row
    known = ", ".join(row["mic"] for row in _rows("exchange"))
    raise UserError(f"unknown exchange '{mic}': known are {known}; see seeds/exchange.csv")


@cache
def exchange_exceptions(mic: str) -> dict[date, str]:
    """Map each exceptional weekday of the exchange to its early close (`HH:MM`), or to '' where it is closed."""
    return {
        date.fromisoformat(row["session_date"]): row["closes_at"]
        for row in _rows("exchange_exception")
        if row["mic"] == mic
    }


def calendar_ends() -> dict[str, date]:
    """Return the last date of each exchange calendar, by MIC; calendars that trade around the clock have no end."""
    return {row["mic"]: date.fromisoformat(row["last_date"]) for row in _rows("exchange_calendar")}

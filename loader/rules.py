"""The warehouse's rules of validation (macros/validation/bar_rules.sql) in Python: what will come of a landed line.

`tests/warehouse/test_rules_agree.py` builds generated lines and compares both.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any

from loader import reference
from loader.record import BAR_INTERVALS

PRICE_SCALE, VOLUME_SCALE, RATIO_SCALE = 8, 4, 10
"""Decimals that the warehouse keeps of a number, of eighteen digits in all."""
_DIGITS = 18
SMALLEST_PRICE = 10.0**-PRICE_SCALE
PRICE_LIMIT, VOLUME_LIMIT = 10.0 ** (_DIGITS - PRICE_SCALE), 10.0 ** (_DIGITS - VOLUME_SCALE)
"""What has more digits before the point is refused."""

_SYMBOL = re.compile(r"[A-Z0-9][A-Z0-9.=^/-]{0,19}")
_CURRENCY = re.compile(r"[A-Z]{3}")
_NUMBER = re.compile(r"-?[0-9]{1,20}([.][0-9]{1,18})?")
_UTC = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,6})?Z")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_INTEGER = re.compile(r"[0-9]{1,18}")
_BASES = ("raw", "split_adjusted", "total_return_adjusted")
_PRICES = ("open", "high", "low", "close")
_SHOWN_FIELD = {
    "bar_start": "vendor_label",
    "session_date": "vendor_label",
    "effective_date": "vendor_label",
    "price": "close",
    "high": "high",
    "low": "low",
}
_LONGEST_SHOWN = 40


@dataclass
class Acceptance:
    """How many landed lines the warehouse will accept, and why it will refuse the others."""

    accepted: int = 0
    refused: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)

    def add_lines(self, dataset: str, lines: Iterable[bytes]) -> None:
        """Count rendered lines of a dataset."""
        for line in lines:
            self.add_line(dataset, line)

    def add_line(self, dataset: str, line: bytes) -> None:
        """Count one rendered line."""
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            record = None
        reasons = find_reasons(dataset, record) if isinstance(record, dict) else ["not_json"]
        if not reasons:
            self.accepted += 1
            return
        self.refused += 1
        self.reasons.update(reasons)
        for reason in reasons:
            if reason not in self.examples and isinstance(record, dict):
                self.examples[reason] = _shown(reason, record)

    def counts(self) -> dict[str, object]:
        """Return the counts for a program."""
        return {"accepted": self.accepted, "refused": self.refused, "reasons": dict(self.reasons)}

    def sentence(self) -> str:
        """Return what will come of the lines, such as `384 will be accepted, 6 refused (…)`."""
        if not self.refused:
            return f"{self.accepted:,} will be accepted"
        parts = [
            f"{reason} {count:,}" + (f': "{self.examples[reason]}"' if self.examples.get(reason) else "")
            for reason, count in self.reasons.most_common()
        ]
        return f"{self.accepted:,} will be accepted, {self.refused:,} refused ({', '.join(parts)})"


def _shown(reason: str, record: Mapping[str, Any]) -> str:
    """Return the value of a line that a reason is about."""
    name = next((shown for start, shown in _SHOWN_FIELD.items() if reason.startswith(start)), "")
    if reason == "price_malformed":
        name = next((price for price in _PRICES if _number(record.get(price)) is None), "close")
    for suffix in ("_malformed", "_unknown", "_negative", "_out_of_range"):
        name = name or (reason.removesuffix(suffix) if reason.endswith(suffix) else "")
    text = str(record.get(name) if record.get(name) is not None else "")
    return text[:_LONGEST_SHOWN]


def find_reasons(dataset: str, record: Mapping[str, Any]) -> list[str]:
    """Return the reasons, sorted, why the warehouse will refuse a line of a dataset; none when it accepts it."""
    text = {name: _text(value) for name, value in record.items()}
    reasons: set[str] = set()

    def refuse_if(condition: bool, reason: str) -> None:
        if condition:
            reasons.add(reason)

    symbol = _resolve(text.get("symbol"), _event_date(dataset, text))
    refuse_if(text.get("schema_version") != "1", "schema_version_unknown")
    refuse_if(symbol is None or not _SYMBOL.fullmatch(symbol), "symbol_malformed")
    refuse_if(text.get("source") not in _sources(), "source_unknown")
    refuse_if(not _CURRENCY.fullmatch(text.get("currency") or ""), "currency_malformed")
    received_at = _moment(text.get("received_at"))
    has_lineage = received_at and text.get("run_id") and _INTEGER.fullmatch(text.get("line_number") or "")
    is_final = dataset == "corporate_actions" or text.get("is_final") in ("true", "false")
    refuse_if(not has_lineage or not is_final, "lineage_malformed")
    if dataset == "corporate_actions":
        _check_action(text, refuse_if)
        return sorted(reasons)
    refuse_if(text.get("price_basis") not in _BASES, "price_basis_unknown")
    if dataset == "bars":
        refuse_if(text.get("bar_interval") not in BAR_INTERVALS, "bar_interval_unknown")
        start = _moment(text.get("bar_start"))
        refuse_if(start is None, "bar_start_malformed")
        if start:
            refuse_if(bool(start.second or start.microsecond), "bar_start_off_minute")
            refuse_if(bool(received_at and start > received_at + timedelta(minutes=5)), "bar_start_in_future")
            refuse_if(not 1970 <= start.year < 2050, "bar_start_out_of_range")
    else:
        day = _date(text.get("session_date"))
        refuse_if(day is None, "session_date_malformed")
        if day:
            at = datetime(day.year, day.month, day.day)  # noqa: DTZ001 - the warehouse compares it without a zone
            is_late = received_at and at > received_at + timedelta(days=1)
            refuse_if(bool(is_late), "session_date_in_future")
            refuse_if(not 1900 <= day.year < 2050, "session_date_out_of_range")
        adjusted = _number(text.get("adjusted_close"))
        is_unreadable = adjusted is None and text.get("adjusted_close") is not None
        refuse_if(is_unreadable or (adjusted is not None and adjusted <= 0), "adjusted_close_malformed")
    _check_numbers(text, symbol or "", refuse_if)
    return sorted(reasons)


def _check_action(text: Mapping[str, str | None], refuse_if: Any) -> None:
    kind = text.get("kind")
    ratio, amount = _number(text.get("ratio"), RATIO_SCALE), _number(text.get("amount"))
    refuse_if(kind not in ("split", "dividend"), "kind_unknown")
    refuse_if(_date(text.get("effective_date")) is None, "effective_date_malformed")
    refuse_if(kind == "split" and (ratio is None or ratio <= 0), "ratio_malformed")
    refuse_if(kind == "dividend" and (amount is None or amount < 0), "amount_malformed")


def _check_numbers(text: Mapping[str, str | None], symbol: str, refuse_if: Any) -> None:
    open_, high, low, close = prices = [_number(text.get(name)) for name in _PRICES]
    volume = _number(text.get("volume"), VOLUME_SCALE)
    known = [price for price in prices if price is not None]
    refuse_if(len(known) < 4, "price_malformed")
    refuse_if(any(price <= 0 for price in known), "price_not_positive")
    refuse_if(volume is None and (text.get("volume") is not None or _has_volume(symbol)), "volume_malformed")
    refuse_if(volume is not None and volume < 0, "volume_negative")
    refuse_if(high is not None and any(at is not None and high < at for at in (open_, close, low)), "high_below_range")
    refuse_if(low is not None and any(at is not None and low > at for at in (open_, close, high)), "low_above_range")


def _text(value: object) -> str | None:
    if value is None or isinstance(value, dict | list):
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)


def _number(value: object, scale: int = PRICE_SCALE) -> float | None:
    text = _text(value)
    if text is None or not _NUMBER.fullmatch(text):
        return None
    number = round(float(text), scale)
    return number if abs(number) < 10 ** (_DIGITS - scale) else None


def _moment(text: str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(text.removesuffix("Z")) if text and _UTC.fullmatch(text) else None
    except ValueError:
        return None


def _date(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text and _DATE.fullmatch(text) else None
    except ValueError:
        return None


def _event_date(dataset: str, text: Mapping[str, str | None]) -> date | None:
    if dataset == "bars":
        moment = _moment(text.get("bar_start"))
        return moment.date() if moment else None
    return _date(text.get("session_date" if dataset == "daily_bars" else "effective_date"))


@cache
def _sources() -> frozenset[str]:
    return frozenset(reference.sources())


def _resolve(symbol: str | None, on: date | None) -> str | None:
    """Return today's spelling of a vendor's symbol at a date, by the seeds."""
    if symbol is None:
        return None
    known = reference.to_canonical_symbol(symbol)
    return reference.renamed_symbol(known, on) if on else known


@cache
def _has_volume(symbol: str) -> bool:
    return reference.get_instrument(symbol).asset_class in ("stock", "etf", "crypto")

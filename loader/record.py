"""Record contract of the raw zone: one JSON object per line, ASCII only, prices as decimal text."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

SCHEMA_VERSION = 1
BAR_INTERVALS = {"1min": 1, "5min": 5, "15min": 15, "30min": 30, "60min": 60}
"""Accepted `bar_interval` values and their length in minutes."""

_EXPONENT = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,18})?[eE][+-]?[0-9]{1,2}")
_PLAIN = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)")


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar as a vendor sent it, its time translated to UTC.

    Prices and volume keep the vendor's digits as text. A field that is missing or malformed stays as it came (or None):
    the warehouse validates it, so that the line is quarantined with its text and never lost.
    """

    source: str
    symbol: str
    bar_interval: str
    bar_start: datetime | None
    """Inclusive start of the bar in UTC; None when the vendor's label could not be read."""
    vendor_label: str
    open: str | None
    high: str | None
    low: str | None
    close: str | None
    volume: str | None
    price_basis: str
    currency: str
    is_live: bool = False
    """True for the bar still being built, which a vendor stamps "now": it is never final, whenever it was received."""
    final_after: datetime | None = None
    """End of the bar plus the feed's settling time, in UTC; None when the vendor's label could not be read."""

    def is_final(self, received_at: datetime) -> bool:
        """Return whether the vendor can no longer change the bar, when it was received at that time."""
        return _is_final(self, received_at)


@dataclass(frozen=True, slots=True)
class DailyBar:
    """One session's bar as a vendor sent it; digits and gaps as in `Bar`.

    `adjusted_close` is the vendor's own dividend-and-split-adjusted close, where there is one.
    """

    source: str
    symbol: str
    session_date: date | None
    """The exchange's trading day; None when the vendor's label could not be read."""
    vendor_label: str
    open: str | None
    high: str | None
    low: str | None
    close: str | None
    adjusted_close: str | None
    volume: str | None
    price_basis: str
    currency: str
    is_live: bool = False
    is_adjusted_close_unreadable: bool = False
    """True when the vendor sent an adjusted close that is no number: it is None, and the run ledger counts it."""
    final_after: datetime | None = None
    """End of the exchange's day plus the feed's settling time, in UTC; None when the day could not be read."""

    def is_final(self, received_at: datetime) -> bool:
        """Return whether the session's bar can no longer change, when it was received at that time."""
        return _is_final(self, received_at)


def _is_final(bar: Bar | DailyBar, received_at: datetime) -> bool:
    return not bar.is_live and bar.final_after is not None and received_at > bar.final_after


@dataclass(frozen=True, slots=True)
class CorporateAction:
    """A split (`ratio`: new shares per old share) or a cash dividend (`amount` per share in `currency`).

    `effective_date` is the first trading day on the new basis (for a dividend, the ex-date).
    """

    source: str
    symbol: str
    kind: str
    effective_date: date | None
    vendor_label: str
    ratio: str | None
    amount: str | None
    currency: str


@dataclass(frozen=True, slots=True)
class Stamp:
    """What the loader adds to every bar of one payload."""

    received_at: datetime
    run_id: str
    payload_sha256: str


def decimal_text(value: object) -> str | None:
    """Return a vendor's number as plain decimal text with the vendor's own digits.

    Text in plain notation passes untouched; an exponent is written out (`1e-05` becomes `0.00001`). None stays None.
    Anything else (NaN, other text, nested values) is passed on as text for the warehouse to quarantine.
    """
    if value is None:
        return None
    text = str(value).strip()
    return format(Decimal(text), "f") if _EXPONENT.fullmatch(text) else text


def is_decimal(text: str | None) -> bool:
    """Return whether a text is a number in plain notation."""
    return text is not None and _PLAIN.fullmatch(text) is not None


def utc_text(moment: datetime) -> str:
    """Format an aware datetime as ISO 8601 in UTC with `Z`: whole seconds as such, others to the millisecond."""
    utc = moment.astimezone(UTC).replace(tzinfo=None)
    return utc.isoformat(timespec="milliseconds" if utc.microsecond else "seconds") + "Z"


def bar_line(bar: Bar, stamp: Stamp, line_number: int) -> bytes:
    """Render one line of `raw/bars`, without the newline.

    `line_number` is the position in the run; with `run_id` it identifies a line that was delivered twice.
    """
    return to_line(
        {
            "schema_version": SCHEMA_VERSION,
            "source": bar.source,
            "symbol": bar.symbol,
            "bar_interval": bar.bar_interval,
            "bar_start": utc_text(bar.bar_start) if bar.bar_start else None,
            "vendor_label": bar.vendor_label,
            "open": bar.open,
            "high": bar.high,
            "low": bar.low,
            "close": bar.close,
            "volume": bar.volume,
            "price_basis": bar.price_basis,
            "currency": bar.currency,
            "is_final": bar.is_final(stamp.received_at),
            **_stamp_fields(stamp, line_number),
        }
    )


def daily_bar_line(bar: DailyBar, stamp: Stamp, line_number: int) -> bytes:
    """Render one line of `raw/daily_bars`, without the newline."""
    return to_line(
        {
            "schema_version": SCHEMA_VERSION,
            "source": bar.source,
            "symbol": bar.symbol,
            "session_date": bar.session_date.isoformat() if bar.session_date else None,
            "vendor_label": bar.vendor_label,
            "open": bar.open,
            "high": bar.high,
            "low": bar.low,
            "close": bar.close,
            "adjusted_close": bar.adjusted_close,
            "volume": bar.volume,
            "price_basis": bar.price_basis,
            "currency": bar.currency,
            "is_final": bar.is_final(stamp.received_at),
            **_stamp_fields(stamp, line_number),
        }
    )


def corporate_action_line(action: CorporateAction, stamp: Stamp, line_number: int) -> bytes:
    """Render one line of `raw/corporate_actions`, without the newline."""
    return to_line(
        {
            "schema_version": SCHEMA_VERSION,
            "source": action.source,
            "symbol": action.symbol,
            "kind": action.kind,
            "effective_date": action.effective_date.isoformat() if action.effective_date else None,
            "vendor_label": action.vendor_label,
            "ratio": action.ratio,
            "amount": action.amount,
            "currency": action.currency,
            **_stamp_fields(stamp, line_number),
        }
    )


def _stamp_fields(stamp: Stamp, line_number: int) -> dict[str, object]:
    return {
        "received_at": utc_text(stamp.received_at),
        "run_id": stamp.run_id,
        "line_number": line_number,
        "payload_sha256": stamp.payload_sha256,
    }


def to_line(record: Mapping[str, object]) -> bytes:
    """Serialise one record: compact and ASCII, so that every engine reads the same bytes."""
    return json.dumps(record, ensure_ascii=True, separators=(",", ":")).encode("ascii")

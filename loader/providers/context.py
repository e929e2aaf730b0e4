"""What a parser must be told: none of it can be read from a vendor's payload with certainty."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from loader import reference
from loader.calendar import bar_start, session_date
from loader.record import BAR_INTERVALS, Bar, CorporateAction, DailyBar, decimal_text
from loader.reference import LabelConvention, Source
from tickerlake.errors import UserError


@dataclass(frozen=True, slots=True)
class Context:
    """The request that a payload answers: feed, symbol, interval, and how the feed labelled bars at that time."""

    source: Source
    symbol: str
    bar_interval: str
    convention: LabelConvention
    currency: str

    @classmethod
    def build(
        cls,
        source: str,
        symbol: str,
        bar_interval: str,
        received_on: date,
        label: str | None = None,
        timezone: str | None = None,
    ) -> "Context":
        """Assemble a context from reference data; `label` and `timezone` override the feed's convention.

        Raises UserError for an unknown source, interval, label or time zone.
        """
        if bar_interval not in BAR_INTERVALS:
            raise UserError(f"unknown interval '{bar_interval}': choose one of {', '.join(BAR_INTERVALS)}")
        if label not in (None, "start", "end"):
            raise UserError(f"unknown label '{label}': choose 'start' or 'end'")
        feed = reference.source(source)
        convention = reference.label_convention(source, received_on)
        if timezone:
            try:
                convention = replace(convention, zone=ZoneInfo(timezone))
            except (ZoneInfoNotFoundError, ValueError):
                raise UserError(f"unknown time zone '{timezone}': use an IANA name such as America/New_York") from None
        if label:
            convention = replace(convention, label=label)
        return cls(feed, symbol, bar_interval, convention, reference.instrument(symbol).currency)

    def is_answered_by(self, vendor_symbol: object) -> bool:
        """Tell whether a symbol in an answer is the one asked for, in this vendor's spelling or ours; no symbol is."""
        if vendor_symbol is None or vendor_symbol == "":
            return True
        given = str(vendor_symbol).upper()
        return given == self.symbol.upper() or reference.canonical_symbol(given) == self.symbol

    def daily_bar(self, label: str, prices: Sequence[object], adjusted_close: object, volume: object) -> DailyBar:
        """Build one session's bar from a vendor's label, open, high, low, close, and the rest."""
        open_, high, low, close = map(decimal_text, prices)
        return DailyBar(
            source=self.source.source,
            symbol=self.symbol,
            session_date=session_date(label),
            vendor_label=label,
            open=open_,
            high=high,
            low=low,
            close=close,
            adjusted_close=decimal_text(adjusted_close),
            volume=decimal_text(volume),
            price_basis=self.source.price_basis,
            currency=self.currency,
        )

    def action(self, kind: str, label: str, ratio: object, amount: object) -> CorporateAction:
        """Build a split (with its ratio) or a dividend (with its amount) of the symbol."""
        return CorporateAction(
            source=self.source.source,
            symbol=self.symbol,
            kind=kind,
            effective_date=session_date(label),
            vendor_label=label,
            ratio=decimal_text(ratio),
            amount=decimal_text(amount),
            currency=self.currency,
        )

    def bar(self, label: str, open_: object, high: object, low: object, close: object, volume: object) -> Bar:
        """Build one bar from a vendor's label and numbers, whatever state they are in."""
        return Bar(
            source=self.source.source,
            symbol=self.symbol,
            bar_interval=self.bar_interval,
            bar_start=bar_start(label, self.convention, BAR_INTERVALS[self.bar_interval]),
            vendor_label=label,
            open=decimal_text(open_),
            high=decimal_text(high),
            low=decimal_text(low),
            close=decimal_text(close),
            volume=decimal_text(volume),
            price_basis=self.source.price_basis,
            currency=self.currency,
        )

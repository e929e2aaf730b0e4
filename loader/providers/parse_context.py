"""What a parser needs beside the payload: none of it can be read from a vendor's payload with certainty."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from loader import reference
from loader.calendar import parse_bar_start, parse_bar_starts, parse_session_date, parse_zone
from loader.record import BAR_INTERVALS, Bar, CorporateAction, DailyBar, decimal_text, is_decimal
from loader.reference import DataSource, Exchange, Instrument, LabelConvention
from tickerlake.errors import UserError

BarRow = tuple[str, object, object, object, object, object]
"""A bar as a parser found it: the vendor's label, open, high, low, close, volume."""


@dataclass(frozen=True, slots=True)
class ParseContext:
    """The series of a payload: feed, instrument, exchange, interval, and how the feed labelled bars at that time.

    Reference data is looked up once, in `build`; `currency` is the instrument's until the payload names another.
    """

    source: DataSource
    instrument: Instrument
    exchange: Exchange
    bar_interval: str
    convention: LabelConvention
    currency: str

    @property
    def symbol(self) -> str:
        """The symbol, in this project's spelling."""
        return self.instrument.symbol

    @classmethod
    def build(
        cls,
        source: str,
        symbol: str,
        bar_interval: str,
        received_on: date,
        label: str | None = None,
        timezone: str | None = None,
    ) -> "ParseContext":
        """Return the context of a series from reference data; `label` and `timezone` override the feed's convention.

        Raises UserError for an unknown source, interval, label or time zone.
        """
        if bar_interval not in BAR_INTERVALS:
            raise UserError(f"unknown interval '{bar_interval}': choose one of {', '.join(BAR_INTERVALS)}")
        if label not in (None, "start", "end"):
            raise UserError(f"unknown label '{label}': choose 'start' or 'end'")
        feed = reference.get_source(source)
        convention = reference.get_label_convention(source, received_on)
        if timezone:
            try:
                convention = replace(convention, zone=parse_zone(timezone))
            except ValueError as error:
                raise UserError(f"unknown time zone '{timezone}': {error}") from None
        if label:
            convention = replace(convention, label=label)
        instrument = reference.get_instrument(symbol)
        exchange = reference.get_exchange(instrument.mic)
        return cls(feed, instrument, exchange, bar_interval, convention, instrument.currency)

    def of_symbol(self, symbol: str) -> "ParseContext":
        """Return the context of another symbol in the same response."""
        if symbol == self.symbol:
            return self
        instrument = reference.get_instrument(symbol)
        exchange = reference.get_exchange(instrument.mic)
        return replace(self, instrument=instrument, exchange=exchange, currency=instrument.currency)

    def is_symbol(self, vendor_symbol: object) -> bool:
        """Return whether a symbol in a response is the requested one, in either spelling; a missing one is."""
        if vendor_symbol is None or vendor_symbol == "":
            return True
        spelling = str(vendor_symbol).upper()
        return spelling == self.symbol.upper() or reference.to_canonical_symbol(spelling) == self.symbol

    def daily_bar(self, label: str, prices: Sequence[object], adjusted_close: object, volume: object) -> DailyBar:
        """Build one session's bar from a vendor's label, open, high, low, close, and the rest.

        An adjusted close that is no number (Infinity, NaN) is None and marked: it does not refuse a sound day.
        """
        open_, high, low, close = map(decimal_text, prices)
        day = parse_session_date(label, self.exchange)
        adjusted = decimal_text(adjusted_close)
        return DailyBar(
            source=self.source.source,
            symbol=self.symbol,
            session_date=day,
            vendor_label=label,
            open=open_,
            high=high,
            low=low,
            close=close,
            adjusted_close=adjusted if is_decimal(adjusted) else None,
            is_adjusted_close_unreadable=adjusted is not None and not is_decimal(adjusted),
            volume=decimal_text(volume),
            price_basis=self.source.price_basis,
            currency=self.currency,
            final_after=self.exchange.day_ends_at(day) + self.source.settling if day else None,
        )

    def action(self, kind: str, label: str, ratio: object, amount: object) -> CorporateAction:
        """Build a split (with its ratio) or a dividend (with its amount) of the symbol."""
        return CorporateAction(
            source=self.source.source,
            symbol=self.symbol,
            kind=kind,
            effective_date=parse_session_date(label, self.exchange),
            vendor_label=label,
            ratio=decimal_text(ratio),
            amount=decimal_text(amount),
            currency=self.currency,
        )

    def bar(self, label: str, open_: object, high: object, low: object, close: object, volume: object) -> Bar:
        """Build one bar from a vendor's label and numbers, valid or not."""
        start = parse_bar_start(label, self.convention, BAR_INTERVALS[self.bar_interval])
        return self._bar(start, label, open_, high, low, close, volume)

    def bars(self, rows: Sequence[BarRow], times: Sequence[str] | None = None) -> list[Bar]:
        """Build the bars of a response in its order, which resolves times that the wall clock shows twice.

        `times` are the labels in ISO 8601, where a vendor writes them in another way. Raises NonexistentTimeError.
        """
        labels = [row[0] for row in rows] if times is None else times
        starts = parse_bar_starts(labels, self.convention, BAR_INTERVALS[self.bar_interval])
        return [self._bar(start, *row) for start, row in zip(starts, rows, strict=True)]

    def _bar(
        self,
        start: datetime | None,
        label: str,
        open_: object,
        high: object,
        low: object,
        close: object,
        volume: object,
    ) -> Bar:
        minutes = BAR_INTERVALS[self.bar_interval]
        return Bar(
            source=self.source.source,
            symbol=self.symbol,
            bar_interval=self.bar_interval,
            bar_start=start,
            vendor_label=label,
            open=decimal_text(open_),
            high=decimal_text(high),
            low=decimal_text(low),
            close=decimal_text(close),
            volume=decimal_text(volume),
            price_basis=self.source.price_basis,
            currency=self.currency,
            final_after=start + timedelta(minutes=minutes) + self.source.settling if start else None,
        )

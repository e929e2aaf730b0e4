"""Described rows as bars, daily bars and corporate actions: their times, their numbers, their symbols.

One reading serves files and APIs: an API's answer is a list of rows like a file.
"""

import io
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from loader import reference
from loader.calendar import NonexistentTimeError
from loader.outcome import Kind, Outcome
from loader.providers.description import Description, received_convention
from loader.providers.file_rows import FileError, Row, read_rows
from loader.providers.parse_context import ParseContext
from loader.record import Bar, CorporateAction, DailyBar, decimal_text
from tickerlake.errors import UserError

_ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_EPOCH = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,9})?")
_FIRST_MONTHS = 90 * 86_400
"""A time in another unit than seconds that falls into the first months of 1970 is in a coarser unit."""
_LAST = 7_258_118_400
"""The year 2200 in seconds."""
_RATIO = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)\s*[:/]\s*([0-9]{1,9}(?:\.[0-9]{1,9})?)")
_UNIT_BY_DIGITS = {10: "seconds", 13: "milliseconds", 16: "microseconds", 19: "nanoseconds"}


class ContradictionError(ValueError):
    """A value that contradicts the description, such as a decimal point in a file with decimal commas."""


def build_context(
    description: Description, source: str, symbol: str, bar_interval: str, received_on: date
) -> ParseContext:
    """Return the context of a described series: the convention and the currency of the description come first."""
    convention = received_convention(description, source, received_on)
    instrument = reference.get_instrument(symbol)
    return ParseContext(
        reference.get_source(source),
        instrument,
        reference.get_exchange(instrument.mic),
        bar_interval,
        convention,
        description.currency or instrument.currency,
    )


def of_symbol(context: ParseContext, description: Description, symbol: str) -> ParseContext:
    """Return the context of another symbol of the same rows."""
    other = context.of_symbol(symbol)
    return replace(other, currency=description.currency) if description.currency else other


def time_text(label: str, description: Description) -> str:
    """Return a label's time in ISO 8601, without an offset where the label has none; empty when it is unreadable."""
    if description.per_second:
        return _epoch_text(label, description.per_second)
    for time_format in description.time_format:
        moment = time_format.parse(label)
        if moment is not None and not _is_ambiguous(moment):
            return moment.isoformat(" ") if time_format.has_time else moment.date().isoformat()
    return "" if description.time_format else label.strip()


def _is_ambiguous(moment: datetime) -> bool:
    """Return whether a named zone's clock shows the time twice or never."""
    return isinstance(moment.tzinfo, ZoneInfo) and moment.utcoffset() != moment.replace(fold=1).utcoffset()


def _epoch_text(label: str, per_second: int) -> str:
    text = label.strip()
    if not _EPOCH.fullmatch(text):
        text = decimal_text(text) or ""
        if not _EPOCH.fullmatch(text):
            return ""
    seconds = Decimal(text) / per_second
    if abs(seconds) >= _LAST or (per_second > 1 and 0 < seconds < _FIRST_MONTHS):
        return ""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=int(seconds // 1))).isoformat()


def find_time_error(labels: Sequence[str], description: Description) -> str | None:
    """Return why none of some labels can be read, with the probable cause; None when one can."""
    if any(time_text(label, description)[:1].isdecimal() and _has_date(label, description) for label in labels):
        return None
    first = labels[0].strip()[:60]
    digits = first.partition(".")[0]
    probable = _UNIT_BY_DIGITS.get(len(digits)) if digits.isdecimal() else None
    if probable and probable != description.time_unit:
        return f"the time '{first}' looks like {probable}: write time_unit: {probable}"
    if description.per_second:
        return f"the time '{first}' is no number of {description.time_unit}: write time_unit: text, with a time_format"
    formats = " or ".join(item.text for item in description.time_format) or "ISO 8601"
    return f"the time '{first}' is not {formats}: write its time_format, such as %m/%d/%Y %H:%M"


def _has_date(label: str, description: Description) -> bool:
    text = time_text(label, description)
    if not _ISO.match(text):
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return description.dataset != "bars" or len(text) > 10


def number_reader(description: Description) -> Callable[[object], str | None] | None:
    """Return the conversion of a source's numbers to plain notation; None when they are in it already.

    The conversion raises ContradictionError for a number that another notation would read as another value.
    """
    if not description.scales_numbers:
        return None
    thousands, mark = description.thousands, description.decimal
    strip, nulls = description.strip, description.nulls
    grouped = re.compile(rf"[0-9]{{1,3}}({re.escape(thousands)}[0-9]{{3}})+") if thousands else None

    def convert(value: object) -> str | None:
        if value is None:
            return None
        text = str(value).strip()
        if text in nulls:
            return None
        for letter in strip:
            text = text.replace(letter, "")
        text = text.strip()
        whole, sign, fraction = text.partition(mark)
        if mark == "," and "." in text and thousands != ".":
            raise ContradictionError(f"'{text[:40]}' has a point, and the description has decimal: ','")
        if grouped and thousands in whole:
            if not grouped.fullmatch(whole.lstrip("-")):
                raise ContradictionError(f"'{text[:40]}' is not grouped by '{thousands}' in thousands")
            whole = whole.replace(thousands, "")
        return whole + ("." if sign else "") + fraction if mark == "," or grouped else text

    return convert


def scaled(text: str | None, scale: Decimal) -> str | None:
    """Return a price in the currency's unit; text that is no number stays."""
    try:
        number = Decimal(text or "") * scale
    except (ArithmeticError, ValueError):
        return text
    if not number.is_finite() or abs(number.adjusted()) > 40:
        return text
    plain = format(number, "f")
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


def symbol_reader(description: Description) -> Callable[[str], str]:
    """Return the translation of a source's symbol: by `symbol_pattern`, then by the seeds' aliases.

    It raises UserError for a symbol that no seed resolves.
    """
    pattern = description.symbol_pattern

    def read(name: str) -> str:
        text = name.strip()
        match = pattern.fullmatch(text) if pattern else None
        return reference.resolve_symbol(match["symbol"].upper() if match else text)

    return read


def plain_rows(rows: Iterable[Row], description: Description) -> Iterable[Row]:
    """Yield rows with their numbers in plain notation and in the unit of the currency."""
    convert = number_reader(description)
    if convert is None:
        return rows
    scale = description.price_scale

    def price(value: object) -> str | None:
        text = convert(value)
        return scaled(text, scale) if scale is not None else text

    return (
        (
            row[0],
            row[1],
            price(row[2]),
            price(row[3]),
            price(row[4]),
            price(row[5]),
            convert(row[6]),
            price(row[7]),
            row[8],
            row[9],
            price(row[10]),
        )
        for row in rows
    )


def is_null_row(row: Row, description: Description) -> bool:
    """Return whether a row has a time, but no prices and no volume: no trades. A message among the rows is none."""
    is_empty = not any(row[2:6]) and (not row[6] or str(row[6]) in ("0", "0.0"))
    return is_empty and time_text(row[0], description)[:1].isdecimal()


def to_bars(rows: Sequence[Row], context: ParseContext, description: Description) -> list[Bar]:
    """Return the bars of one symbol's rows, in their order, which resolves times that the wall clock shows twice.

    Raises NonexistentTimeError.
    """
    times = [time_text(row[0], description) for row in rows]
    empty_as_none = [(row[0], *(value if value != "" else None for value in row[2:7])) for row in rows]
    return context.bars(empty_as_none, times)


def to_days(
    rows: Iterable[Row], context: ParseContext, description: Description
) -> tuple[list[DailyBar], list[CorporateAction]]:
    """Return the daily bars of one symbol's rows, and the splits and dividends in them."""
    days: list[DailyBar] = []
    actions: list[CorporateAction] = []
    for row in rows:
        values = [value if value != "" else None for value in row[2:8]]
        if any(value is not None for value in values[:4]):
            day = context.daily_bar(time_text(row[0], description) or "-", values[:4], values[5], values[4])
            days.append(replace(day, vendor_label=row[0]))
        actions += to_actions([row], context, description)
    return days, actions


def to_actions(rows: Iterable[Row], context: ParseContext, description: Description) -> list[CorporateAction]:
    """Return the splits (a ratio that is not 0 or 1) and dividends (an amount that is not 0) of one symbol's rows."""
    actions: list[CorporateAction] = []
    for row in rows:
        ratio, amount = row[9], row[10]
        label = time_text(row[0], description) or "-"
        kind = str(row[8] or "").strip().lower()
        if not _is_neutral(ratio, 0, 1) and kind in ("", "split"):
            actions.append(replace(context.action("split", label, _ratio(ratio), None), vendor_label=row[0]))
        if not _is_neutral(amount, 0) and kind in ("", "dividend"):
            actions.append(replace(context.action("dividend", label, None, amount), vendor_label=row[0]))
        if kind not in ("", "split", "dividend"):
            actions.append(
                replace(context.action(kind[:40], label, ratio or None, amount or None), vendor_label=row[0])
            )
    return actions


def _is_neutral(value: object, *neutral: int) -> bool:
    if value is None or value == "":
        return True
    try:
        return Decimal(str(value)) in neutral
    except ArithmeticError:
        return False


def _ratio(value: object) -> object:
    """Return new shares per old share: `4:1` and `4/1` are divided, to twelve digits; other text stays."""
    match = _RATIO.fullmatch(str(value).strip())
    if match is None or not Decimal(match[2]):
        return value
    return scaled(str(round(Decimal(match[1]) / Decimal(match[2]), 12)), Decimal(1))


def parse_payload(payload: bytes, context: ParseContext, description: Description, dataset: str = "bars") -> Outcome:
    """Return the outcome of a file's content. Never raises: what is not as described is an UNKNOWN outcome."""
    try:
        rows = list(read_rows(io.BufferedReader(io.BytesIO(payload)), description))
    except FileError as error:
        return Outcome(Kind.UNKNOWN, message=str(error))
    return parse_rows(rows, context, description, dataset)


def parse_rows(rows: Iterable[Row], context: ParseContext, description: Description, dataset: str = "bars") -> Outcome:
    """Return the outcome of one answer's rows. Never raises for their content.

    A column of symbols decides each row's symbol; when the context has one, other rows are left out.
    """
    by_symbol: dict[str, list[Row]] = {}
    read_symbol = symbol_reader(description)
    null_rows = 0
    labels: list[str] = []
    bars: list[Bar] = []
    days: list[DailyBar] = []
    actions: list[CorporateAction] = []
    try:
        for row in plain_rows(rows, description):
            labels.append(row[0])
            if dataset != "corporate_actions" and is_null_row(row, description):
                null_rows += 1
            else:
                by_symbol.setdefault(str(row[1] or ""), []).append(row)
        if labels and (problem := find_time_error(labels, description)):
            return Outcome(Kind.UNREADABLE, message=problem)
        for name, own in by_symbol.items():
            symbol = read_symbol(name) if name else context.symbol
            if context.symbol and symbol != context.symbol:
                continue
            own_context = of_symbol(context, description, symbol)
            if dataset == "bars":
                bars += to_bars(own, own_context, description)
            elif dataset == "daily_bars":
                own_days, own_actions = to_days(own, own_context, description)
                days += own_days
                actions += own_actions
            else:
                actions += to_actions(own, own_context, description)
    except (NonexistentTimeError, UserError, ValueError) as error:
        return Outcome(Kind.UNKNOWN, message=str(error))
    if by_symbol and not (bars or days or actions or null_rows) and dataset != "corporate_actions":
        names = ", ".join(list(by_symbol)[:5])
        return Outcome(Kind.UNKNOWN, message=f"no rows of {context.symbol} in the symbol column: it has {names}")
    has_rows = bool(bars or days or actions)
    return Outcome(Kind.BARS if has_rows else Kind.EMPTY, bars, null_rows, "", days, actions)

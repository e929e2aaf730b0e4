"""Bars in CSV: Alpha Vantage's `datatype=csv`, and exports of Yahoo bars. Columns are found by name, in any order."""

import csv
import io
from collections.abc import Sequence

from loader import reference
from loader.calendar import NonexistentTimeError
from loader.outcome import Kind, Outcome
from loader.providers.parse_context import BarRow, ParseContext
from loader.record import Bar
from tickerlake.errors import UserError

_TIME_COLUMNS = ("timestamp", "time", "datetime", "date")
_SYMBOL_COLUMNS = ("symbol", "ticker")
_VALUE_COLUMNS = ("open", "high", "low", "close", "volume")


def parse(payload: bytes, context: ParseContext) -> Outcome:
    """Parse a CSV of bars, one bar a row, in the file's order.

    A column of symbols decides each row's symbol; when the context has one, other rows are left out. A row with a time
    and no values at all counts as a null row. Any other malformed row still becomes a line, with its text, for the
    warehouse to quarantine.
    """
    try:
        text = payload.decode("utf-8-sig")
    except UnicodeDecodeError:
        return Outcome(Kind.UNKNOWN, message="not a text file in UTF-8")
    try:
        rows = list(csv.reader(io.StringIO(text)))
    except csv.Error as error:
        return Outcome(Kind.UNKNOWN, message=f"not a CSV file: {error}")
    header = [cell.strip().lower() for cell in rows[0]] if rows else []
    time_column = _find_column(header, _TIME_COLUMNS)
    if time_column is None or not all(name in header for name in _VALUE_COLUMNS):
        return Outcome(Kind.UNKNOWN, message="no header with a time column and open, high, low, close, volume")
    value_columns = [header.index(name) for name in _VALUE_COLUMNS]
    symbol_column = _find_column(header, _SYMBOL_COLUMNS)
    rows_by_symbol: dict[str, list[BarRow]] = {}
    null_rows = 0
    for row in filter(any, rows[1:]):
        cells = [*row, *[""] * (len(header) - len(row))]
        open_, high, low, close, volume = values = [cells[column] or None for column in value_columns]
        name = cells[symbol_column].strip() if symbol_column is not None else context.symbol
        bar_rows = rows_by_symbol.setdefault(name, [])
        if not cells[time_column]:
            bar_rows.append((",".join(row), open_, high, low, close, volume))
        elif any(values):
            bar_rows.append((cells[time_column], open_, high, low, close, volume))
        else:
            null_rows += 1
    bars: list[Bar] = []
    try:
        for name, bar_rows in rows_by_symbol.items():
            symbol = reference.resolve_symbol(name)
            if symbol_column is None or not context.symbol or symbol == context.symbol:
                bars += context.of_symbol(symbol).bars(bar_rows)
    except (NonexistentTimeError, UserError) as error:
        return Outcome(Kind.UNKNOWN, message=str(error))
    if rows_by_symbol and not bars and not null_rows:
        names = ", ".join(list(rows_by_symbol)[:5])
        return Outcome(Kind.UNKNOWN, message=f"no rows of {context.symbol} in the symbol column: it has {names}")
    return Outcome(Kind.BARS if bars else Kind.EMPTY, bars, null_rows)


def has_symbol_column(payload: bytes) -> bool:
    """Return whether a CSV has a column of symbols."""
    head = payload[:4096].decode("utf-8-sig", "replace").partition("\n")[0]
    return _find_column([cell.strip().lower() for cell in head.split(",")], _SYMBOL_COLUMNS) is not None


def _find_column(header: Sequence[str], names: Sequence[str]) -> int | None:
    return next((header.index(name) for name in names if name in header), None)

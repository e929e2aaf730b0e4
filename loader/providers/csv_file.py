"""Bars in CSV: Alpha Vantage's `datatype=csv`, and exports of Yahoo bars. Columns are found by name, in any order."""

import csv
import io

from loader.calendar import NonexistentTimeError
from loader.outcome import Kind, Outcome
from loader.providers.parse_context import BarRow, ParseContext

_TIME_COLUMNS = ("timestamp", "time", "datetime", "date")
_VALUE_COLUMNS = ("open", "high", "low", "close", "volume")


def parse(payload: bytes, context: ParseContext) -> Outcome:
    """Parse a CSV of bars, one bar a row, in the file's order.

    A row with a time and no values at all counts as a null row. Any other malformed row still becomes a line, with its
    text, for the warehouse to quarantine.
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
    time_column = next((header.index(name) for name in _TIME_COLUMNS if name in header), None)
    if time_column is None or not all(name in header for name in _VALUE_COLUMNS):
        return Outcome(Kind.UNKNOWN, message="no header with a time column and open, high, low, close, volume")
    value_columns = [header.index(name) for name in _VALUE_COLUMNS]
    bar_rows: list[BarRow] = []
    null_rows = 0
    for row in filter(any, rows[1:]):
        cells = [*row, *[""] * (len(header) - len(row))]
        open_, high, low, close, volume = values = [cells[column] or None for column in value_columns]
        if not cells[time_column]:
            bar_rows.append((",".join(row), open_, high, low, close, volume))
        elif any(values):
            bar_rows.append((cells[time_column], open_, high, low, close, volume))
        else:
            null_rows += 1
    try:
        bars = context.bars(bar_rows)
    except NonexistentTimeError as error:
        return Outcome(Kind.UNKNOWN, message=str(error))
    return Outcome(Kind.BARS if bars else Kind.EMPTY, bars, null_rows)

"""A guess of a file's description from a sample: the shipped one that reads it, else a new one."""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from loader.decode import decode, mapping
from loader.providers import description
from loader.providers.described import find_time_error, plain_rows, time_text
from loader.providers.description import Description
from loader.providers.file_rows import FileError, find_compression, open_content, read_file
from loader.providers.time_format import TimeFormat
from tickerlake.errors import UserError

_SAMPLE_BYTES = 256 * 1024
_SAMPLE_ROWS = 500
_SEPARATORS = (",", ";", "\t", "|")
_NUMBER = re.compile(r"[$€£]?-?[0-9][0-9.,]*")
_NAMES = {
    "open": ("open", "o", "open price", "<open>"),
    "high": ("high", "h", "max", "<high>"),
    "low": ("low", "l", "min", "<low>"),
    "close": ("close", "c", "last", "close/last", "price", "<close>"),
    "volume": ("volume", "vol", "v", "vol.", "<vol>", "shares"),
    "adjusted_close": ("adj close", "adj_close", "adjusted_close", "adjclose", "adjusted close"),
    "symbol": ("symbol", "ticker", "name", "<ticker>", "sym", "instrument"),
}
_TIMES = (
    *("timestamp", "datetime", "date", "datum", "time", "ts", "t", "<date>", "gmt time", "window_start", "ts_event"),
    "open_time",
)
_CLOCKS = ("time", "<time>", "hour", "uhrzeit")
_FORMATS = (
    *("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%d %H:%M:%S%z", "%Y-%m-%d"),
    *("%Y%m%d %H%M%S", "%Y%m%d %H:%M:%S", "%Y%m%d %H:%M", "%Y%m%d", "%Y.%m.%d %H:%M:%S", "%Y.%m.%d %H:%M", "%Y.%m.%d"),
    *("%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M", "%Y/%m/%d"),
    *("%d.%m.%Y %H:%M:%S.%f", "%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%d.%m.%Y"),
    *("%b %d, %Y", "%d %b %Y", "%d-%b-%Y", "%B %d, %Y"),
)
_DAY_OR_MONTH_FIRST = tuple(
    (f"%m/%d/%Y{clock}", f"%d/%m/%Y{clock}")
    for clock in ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p", " %H:%M:%S.%f")
)
_ANYBODYS = ("alphavantage_csv", "alphavantage_daily_csv", "yahoo_csv", "interactive_brokers_local")
"""Descriptions of a vendor with columns that any file may have: a guess must not claim the vendor's price basis."""
_MIDNIGHT = re.compile(r"([ T]00:00(:00)?.*)?")
_UNITS = {10: "seconds", 13: "milliseconds", 16: "microseconds", 19: "nanoseconds"}


@dataclass
class Guess:
    """What a file seems to be: a shipped description by name, or the entries of a new one."""

    name: str = ""
    response: str = ""
    dataset: str = "bars"
    entries: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    needs_source: bool = False
    needs_zone: bool = False
    has_symbol: bool = False

    def yaml(self) -> str:
        """Return the description, with a comment for each entry that the file does not decide."""
        lines = [f"{name}: {value}" for name, value in self.entries.items()]
        lines += [f"# {line}" for line in self.missing]
        if self.needs_source and "price_basis" not in "".join(self.missing):
            lines.append("# price_basis: raw, split_adjusted or total_return_adjusted, as the vendor says")
        return "\n".join(lines) + "\n"


def guess_description(path: Path) -> Guess:
    """Return the guess for a file. Raises UserError for a file without rows of prices."""
    compression = find_compression(path)
    head = b""
    if not _is_parquet(path):
        with open_content(path, compression) as file:
            head = file.read(_SAMPLE_BYTES)
    for name in _candidates(path, head):
        fit = _fits(path, name, compression)
        if fit is not None:
            return Guess(
                name=name,
                dataset=fit.dataset,
                needs_source=not fit.feed,
                needs_zone=fit.zone is None and fit.dataset == "bars" and not fit.per_second and not fit.source,
                has_symbol="symbol" in fit.fields or "symbols" in fit.header or _names_symbol(fit, path),
            )
    text = head.decode("utf-16" if head[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig", "replace")
    if text.lstrip()[:1] in ("{", "["):
        return _guess_json(path, head)
    return _guess_csv(path, text)


def _is_parquet(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"PAR1"


def _names_symbol(fit: Description, path: Path) -> bool:
    return bool(fit.symbol_pattern and fit.symbol_pattern.fullmatch(path.name))


def _candidates(path: Path, head: bytes) -> list[str]:
    """List the shipped descriptions of files, those whose vendor's file name fits first."""
    described = {name: description.load(name) for name in description.names()}
    files = {name: item for name, item in described.items() if not item.url}
    is_parquet = _is_parquet(path)
    files = {name: item for name, item in files.items() if (item.format == "parquet") == is_parquet}
    return sorted(
        files,
        key=lambda name: (
            not _names_symbol(files[name], path),
            name in ("kaggle", "kaggle_daily"),
            -len(files[name].fields),
            len(files[name].nulls),
        ),
    )


def _fits(path: Path, name: str, compression: str) -> Description | None:
    """Return a shipped description if it reads the sample: every label, and the optional columns that it names."""
    item = description.load(name)
    if name in _ANYBODYS or item.interval in description.LONGER_INTERVALS:
        return None
    is_generic = not item.header and item.symbol_pattern and not item.symbol_pattern.fullmatch(path.name)
    if is_generic and name in ("firstrate", "kibot"):
        return None
    try:
        rows = list(islice(plain_rows(read_file(path, item, compression), item), _SAMPLE_ROWS))
    except (FileError, UserError, ValueError):
        return None
    labels = [str(row[0]) for row in rows]
    if not labels or any(find_time_error([label], item) for label in labels[:50]):
        return None
    is_intraday = any(not _MIDNIGHT.fullmatch(time_text(label, item)[10:]) for label in labels)
    if item.dataset == "daily_bars" and not item.per_second and is_intraday:
        return None
    if _is_daily([(str(row[1]), time_text(str(row[0]), item)) for row in rows]) != (item.dataset == "daily_bars"):
        return None
    if "symbol" in item.fields and not any(row[1] for row in rows):
        return None
    if item.dataset == "daily_bars" and item.source == "" and name == "stooq_daily" and not _names_symbol(item, path):
        return None
    if not all(_is_price(value) for row in rows[:50] for value in row[2:6] if value not in (None, "")):
        return None
    if item.dataset == "bars" and not any(row[2] for row in rows):
        return None
    return item


def _is_daily(times: Sequence[tuple[str, str]]) -> bool:
    """Return whether each symbol has one row a day, all at the same time of day."""
    dates = {(symbol, text[:10]) for symbol, text in times}
    return len(dates) == len(set(times)) and len({text[10:16] for _, text in times}) <= (1 if len(times) < 5 else 2)


def _is_price(value: object) -> bool:
    try:
        float(str(value))
    except ValueError:
        return False
    return True


def _guess_json(path: Path, head: bytes) -> Guess:
    try:
        body = mapping(decode(path.read_bytes() if find_compression(path) == "none" else head))
    except (OSError, ValueError):
        body = {}
    if "chart" in body:
        daily = b'"dataGranularity":"1d"' in head.replace(b" ", b"")
        return Guess(response="yahoo", dataset="daily_bars" if daily else "bars")
    series = next((key for key in body if "Time Series" in key), "")
    if series and not series.startswith(("Weekly", "Monthly")):
        return Guess(response="alphavantage", dataset="daily_bars" if "Daily" in series else "bars")
    if series:
        raise UserError(
            f"{path}: {series} has no dataset: land days, the warehouse computes weeks and months from them"
        )
    raise UserError(f"{path}: JSON of no known shape: write a description (docs/bring-your-data.md)")


def _guess_csv(path: Path, text: str) -> Guess:
    lines = [line for line in text.splitlines()[:_SAMPLE_ROWS] if line.strip()]
    if text and not text.endswith("\n") and len(lines) > 2:
        lines = lines[:-1]
    separator = max(_SEPARATORS, key=lambda sign: min((line.count(sign) for line in lines[-50:]), default=0))
    try:
        rows = [row for row in csv.reader(io.StringIO("\n".join(lines)), delimiter=separator) if any(row)]
    except csv.Error as error:
        raise UserError(f"{path}: not a CSV file: {error}") from None
    skipped = next((at for at, row in enumerate(rows) if len(row) == len(rows[-1])), 0) if rows else 0
    rows = rows[skipped:]
    if len(rows) < 2 or len(rows[0]) < 5:
        raise UserError(f"{path}: no table of prices in the first lines; write a description (docs/bring-your-data.md)")
    guess = Guess(needs_source=True)
    entries = guess.entries
    entries["format"] = "csv"
    if separator != ",":
        entries["separator"] = {"\t": "tab"}.get(separator, f'"{separator}"')
    if skipped:
        entries["skip_lines"] = str(skipped)
    has_header = not any(_NUMBER.fullmatch(cell.strip()) for cell in rows[0])
    if not has_header:
        entries["header"] = "false"
    fields = _fields_of_header(rows[0]) if has_header else _fields_of_numbers(rows)
    data = [row for row in (rows[1:] if has_header else rows) if len(row) == len(rows[0])]
    missing = [name for name in ("open", "high", "low", "close") if name not in fields]
    if missing or not data or not {"date", "time"} & fields.keys():
        raise UserError(f"{path}: no columns for {', '.join(missing or ['time'])} in {', '.join(rows[0])[:120]}")
    labels = [" ".join(row[fields[name][1]].strip() for name in ("date", "time") if name in fields) for row in data]
    _guess_time(guess, labels)
    _guess_numbers(guess, [row[fields[name][1]] for row in data for name in ("open", "high", "low", "close")])
    names = {name: (f"{at}" if not has_header else _quoted(text)) for name, (text, at) in fields.items()}
    if guess.dataset == "daily_bars" and "time" in names and "date" not in names:
        names["date"] = names.pop("time")
    entries["fields"] = "{" + ", ".join(f"{name}: {value}" for name, value in names.items()) + "}"
    guess.has_symbol = "symbol" in fields
    return guess


def _quoted(text: str) -> str:
    return text if re.fullmatch(r"[A-Za-z<][A-Za-z0-9_ <>/.]*", text) else '"' + text.replace('"', '\\"') + '"'


def _fields_of_header(header: Sequence[str]) -> dict[str, tuple[str, int]]:
    names = [cell.strip() for cell in header]
    lowered = [name.lower() for name in names]
    fields = {}
    for field_name, spellings in _NAMES.items():
        place = next((lowered.index(spelling) for spelling in spellings if spelling in lowered), None)
        if place is not None:
            fields[field_name] = (names[place], place)
    time = next((lowered.index(spelling) for spelling in _TIMES if spelling in lowered), None)
    if time is None:
        time = next((at for at, name in enumerate(lowered) if "date" in name or "time" in name), None)
    clock = next((lowered.index(spelling) for spelling in _CLOCKS if spelling in lowered), None)
    if time is not None:
        if clock is not None and clock != time and "dat" in lowered[time]:
            return {"date": (names[time], time), "time": (names[clock], clock), **fields}
        return {"time": (names[time], time), **fields}
    return fields


def _fields_of_numbers(rows: Sequence[Sequence[str]]) -> dict[str, tuple[str, int]]:
    """Return the columns of a file without a header: a time (or a date and a time), then open, high, low, close."""
    first = rows[0]
    clock = re.fullmatch(r"[0-9]{1,2}:?[0-9]{2}(:?[0-9]{2})?", first[1].strip()) and "." not in first[1]
    fields = {"date": ("", 0), "time": ("", 1)} if clock else {"time": ("", 0)}
    for offset, name in enumerate(("open", "high", "low", "close", "volume")):
        if len(fields) and len(first) > (at := (2 if clock else 1) + offset):
            fields[name] = ("", at)
    return fields


def _guess_time(guess: Guess, labels: Sequence[str]) -> None:
    entries = guess.entries
    first = labels[0]
    digits = {len(label.partition(".")[0]) for label in labels}
    if first.replace(".", "", 1).isdecimal() and digits <= _UNITS.keys() and len(digits) == 1:
        entries["time_unit"] = _UNITS[digits.pop()]
        entries["zone"], entries["label"] = "UTC", "start"
        return
    fitting = [text for text in _FORMATS if _all_fit(text, labels)]
    if not fitting:
        pairs = [[text for text in pair if _all_fit(text, labels)] for pair in _DAY_OR_MONTH_FIRST]
        fitting = next((pair for pair in pairs if pair), [])
        if len(fitting) > 1:
            guess.missing.append(
                f"time_format: '{fitting[0]}' or '{fitting[1]}': '{first}' may be month first or day first"
            )
    if not fitting:
        guess.missing.append(f"time_format: how '{first[:40]}' is written, such as '%m/%d/%Y %H:%M'")
        return
    if len(fitting) == 1 or fitting[0] in _FORMATS:
        entries["time_format"] = f"'{fitting[0]}'"
    if not any(directive in fitting[0] for directive in ("%H", "%I")):
        guess.dataset = "daily_bars"
        entries["dataset"] = "daily_bars"
        entries["interval"] = "1day"
        return
    entries["label"] = "start"
    if "%z" in fitting[0]:
        entries["zone"] = "UTC"
    else:
        guess.needs_zone = True
        guess.missing.append("zone: the zone of the times, such as America/New_York or UTC")


def _all_fit(text: str, labels: Iterable[str]) -> bool:
    time_format = TimeFormat.compile(text)
    return all(time_format.parse(label) is not None for label in labels)


def _guess_numbers(guess: Guess, numbers: Sequence[str]) -> None:
    signs = {letter for number in numbers for letter in number if letter in "$€£"}
    if signs:
        guess.entries["strip"] = f'"{"".join(sorted(signs))}"'
    bare = [number.strip("$€£ ") for number in numbers if number]
    comma_last = [number for number in bare if number.rfind(",") > number.rfind(".")]
    if comma_last and not all(re.fullmatch(r"-?[0-9]{1,3}(,[0-9]{3})+", number) for number in comma_last):
        guess.entries["decimal"] = '","'
        if any("." in number for number in bare):
            guess.entries["thousands"] = '"."'
    elif any("," in number for number in bare):
        guess.entries["thousands"] = '","'

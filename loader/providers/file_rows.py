"""Rows of a described file, one at a time: CSV, JSON, JSON lines and Parquet, plain or compressed.

A row is what the file has, as text and in the order of `COLUMNS`: the label of its time, its symbol, prices, and so on.
"""

import csv
import gzip
import hashlib
import io
import json
import lzma
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from operator import itemgetter
from pathlib import Path
from typing import Any, BinaryIO

from loader.decode import MAX_BYTES, decode, mapping
from loader.providers.description import Description
from tickerlake.errors import UserError

COLUMNS = ("symbol", "open", "high", "low", "close", "volume", "adjusted_close", "kind", "ratio", "amount")
"""The order of a row after its label."""
Row = Sequence[Any]
"""A label, then the text of each of COLUMNS, None or empty where the row has none."""

_MAGIC = {b"\x1f\x8b": "gz", b"PK\x03\x04": "zip", b"\x28\xb5\x2f\xfd": "zst"}
_BOMS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"\xef\xbb\xbf": "utf-8-sig"}
_DATA_SUFFIXES = (".csv", ".txt", ".json", ".jsonl", ".ndjson")
_BLOCK = 1 << 20
_LARGEST_CELL = 1 << 20
_FETCHED_ROWS = 10_000
_OPTIONAL = frozenset({"symbol", "kind"})

csv.field_size_limit(_LARGEST_CELL)


class FileError(ValueError):
    """What is wrong with a file, in one sentence."""


def find_compression(path: Path) -> str:
    """Return how a file is compressed by its first bytes: gz, zip, zst, or none. Raises UserError."""
    try:
        with path.open("rb") as file:
            head = file.read(4)
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None
    return next((name for magic, name in _MAGIC.items() if head.startswith(magic)), "none")


@contextmanager
def open_content(path: Path, compression: str) -> Iterator[BinaryIO]:
    """Open a file's content, decompressed. Raises UserError for a file that cannot be read, also while it is read."""
    try:
        if compression == "gz":
            with gzip.open(path, "rb") as file:
                yield file  # type: ignore[misc]
        elif compression == "zip":
            with zipfile.ZipFile(path) as archive, archive.open(_member(archive)) as member:
                yield member  # type: ignore[misc]
        elif compression == "zst":
            yield io.BufferedReader(_ZstLines(path))
        else:
            with path.open("rb") as plain:
                yield plain
    except (
        EOFError,
        OSError,
        zlib.error,
        lzma.LZMAError,
        zipfile.BadZipFile,
        NotImplementedError,
        RuntimeError,
    ) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise UserError(f"cannot read {path}: {reason}") from None


def _member(archive: zipfile.ZipFile) -> str:
    members = [item.filename for item in archive.infolist() if not item.is_dir() and "__MACOSX" not in item.filename]
    data = [name for name in members if name.lower().endswith(_DATA_SUFFIXES)]
    tables = [name for name in data if not name.lower().endswith(".txt")] or data
    if len(tables) != 1:
        raise OSError(0, f"the zip has {len(tables)} files of data, not one: extract it")
    return tables[0]


class _ZstLines(io.RawIOBase):
    """The content of a .zst file, read as lines by DuckDB, which has the only decoder for it here."""

    def __init__(self, path: Path) -> None:
        import duckdb  # the loader's Lambda has no files and no DuckDB

        self._errors = duckdb.Error
        self._buffer = b""
        self._connection = duckdb.connect(config={"memory_limit": "128MB", "threads": 1})
        try:
            self._lines = self._connection.execute(
                "select line from read_csv(?, compression = 'zstd', columns = {'line': 'VARCHAR'}, "
                "auto_detect = false, "
                "header = false, delim = '\x01', quote = '', escape = '', strict_mode = false, parallel = false)",
                [str(path)],
            )
        except duckdb.Error as error:
            raise OSError(0, f"not readable as zst text in UTF-8: {str(error).splitlines()[0][:80]}") from None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._buffer:
            try:
                rows = self._lines.fetchmany(_FETCHED_ROWS)
            except self._errors as error:
                raise OSError(0, f"not readable as zst text in UTF-8: {str(error).splitlines()[0][:80]}") from None
            if not rows:
                return 0
            self._buffer = "".join(f"{line or ''}\n" for (line,) in rows).encode()
        size = min(len(buffer), len(self._buffer))
        buffer[:size], self._buffer = self._buffer[:size], self._buffer[size:]
        return size


def hash_content(path: Path, compression: str) -> str:
    """Return the SHA-256 of a file's content, decompressed where that needs no library."""
    digest = hashlib.sha256()
    with open_content(path, "none" if compression == "zst" else compression) as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def is_unterminated(path: Path, compression: str) -> bool:
    """Return whether a plain file ends in the middle of a line: its last row may be cut."""
    if compression != "none" or not path.stat().st_size:
        return False
    with path.open("rb") as file:
        file.seek(-1, io.SEEK_END)
        return file.read(1) not in b"\r\n\x00"


def read_file(path: Path, description: Description, compression: str) -> Iterator[Row]:
    """Yield the rows of a file. Raises UserError or FileError for what is not as described."""
    if description.format == "parquet":
        yield from _parquet_rows(path, description)
        return
    with open_content(path, compression) as file:
        yield from read_rows(file, description)


def read_rows(file: BinaryIO, description: Description) -> Iterator[Row]:
    """Yield the rows of an open file. Raises FileError."""
    if description.format == "json":
        content = file.read(MAX_BYTES + 1)
        yield from json_rows(_decode(content), description)
        return
    text = io.TextIOWrapper(file, encoding=_encoding(file, description), newline="")
    try:
        yield from (_csv_rows if description.format == "csv" else _json_lines)(text, description)
    except UnicodeError as error:
        encoding = getattr(error, "encoding", text.encoding)
        raise FileError(f"not a text file in {encoding}: name its encoding in the description") from None
    except csv.Error as error:
        raise FileError(f"not a CSV file: {error}") from None
    finally:
        text.detach()


def _encoding(file: BinaryIO, description: Description) -> str:
    head = file.peek(4)[:4] if hasattr(file, "peek") else b""
    bom = next((name for mark, name in _BOMS.items() if head.startswith(mark)), "")
    return bom or description.encoding or "utf-8"


def _csv_rows(text: Iterable[str], description: Description) -> Iterator[Row]:
    lines = iter(text)
    for _ in range(description.skip_lines):
        next(lines, None)
    reader = csv.reader(lines, delimiter=description.separator)
    header_lines = [next(reader, []) for _ in description.header]
    header = _header(header_lines, description, "fields")
    if "symbols" in description.header:
        yield from _wide_rows(reader, header, _header(header_lines, description, "symbols"), description)
        return
    width = len(header)
    pick: Any = itemgetter(*_columns(description, header, width)) if header_lines else None
    joins_labels = len(_label_fields(description)) == 2
    for cells in reader:
        if not any(cells):
            continue
        if pick is None:
            width = width or len(cells)
            pick = itemgetter(*_columns(description, header, width))
        if len(cells) == width:
            cells.append("")
            row = pick(cells)
        else:
            row = _pick(pick, cells, width, description.separator)
        if joins_labels:
            row = (f"{row[0]} {row[1]}".strip(), *row[2:])
        yield row if row[0] else (description.separator.join(cells[:width]), *row[1:])  # a message among the rows


def _pick(pick: Any, cells: list[str], width: int, separator: str) -> Row:
    """Return a row's cells. A row of another width has its whole text as its label: none of it can be trusted."""
    if len(cells) < width or any(cells[width:]):
        row = [None, *pick([*cells, *[""] * (width + 1 - len(cells))])[1:]]
        row[0] = separator.join(cells)
        return row
    return pick([*cells[:width], ""])  # type: ignore[no-any-return]


def _header(lines: Sequence[list[str]], description: Description, what: str) -> list[str]:
    return next((cells for name, cells in zip(description.header, lines, strict=True) if name == what), [])


def _label_fields(description: Description) -> list[str]:
    return [name for name in ("date", "time") if name in description.fields]


def _columns(description: Description, header: Sequence[str], width: int) -> list[int]:
    """Return the position of each column of a row; -1, the empty cell at the end, where there is none."""
    positions = []
    for name in (*_label_fields(description), *COLUMNS):
        wanted = description.fields.get(name, ())
        position = find_column(header, wanted, width)
        if position is None and wanted and name not in _OPTIONAL:
            shown = ", ".join(header)[:200] if header else f"{width} columns and no header"
            raise FileError(f"no column '{wanted[0]}' for {name}: it has {shown}")
        positions.append(-1 if position is None else position)
    return positions


def find_column(header: Sequence[str], wanted: Sequence[str], width: int) -> int | None:
    """Return the position of the first of some names (exact, else in any case), or of a number; None if absent.

    Raises FileError when two columns have the name.
    """
    stripped = [cell.strip() for cell in header]
    lowered = [cell.lower() for cell in stripped]
    for name in wanted:
        for cells, spelling in ((stripped, name), (lowered, name.lower())):
            if cells.count(spelling) > 1:
                raise FileError(f"two columns are named '{name}'")
            if spelling in cells:
                return cells.index(spelling)
        if name.isdecimal() and len(name) < 5 and int(name) < width:
            return int(name)
    return None


def _wide_rows(
    reader: Iterable[list[str]], header: Sequence[str], symbols: Sequence[str], description: Description
) -> Iterator[Row]:
    """Yield a row for each symbol of a line: the header has a line of fields and a line of symbols."""
    width = len(header)
    names = list(dict.fromkeys(name.strip() for name in symbols[1:] if name.strip()))
    picks = []
    for name in names:
        own = [cell if at == 0 or symbols[at : at + 1] == [name] else "" for at, cell in enumerate(header)]
        columns = _columns(description, own, width)
        picks.append((name, itemgetter(*columns)))
    if not picks:
        raise FileError("no symbols in the second line of the header")
    for cells in reader:
        for name, pick in picks if any(cells) else ():
            row = list(_pick(pick, list(cells), width, description.separator))
            row[1] = name
            if any(row[2:7]) or len(picks) == 1:
                yield row


def _json_lines(text: Iterable[str], description: Description) -> Iterator[Row]:
    for number, line in enumerate(text, 1):
        if line.strip():
            if len(line) > _LARGEST_CELL:
                raise FileError(f"line {number:,} is longer than {_LARGEST_CELL:,} characters")
            try:
                record = decode(line.encode())
            except ValueError:
                raise FileError(f"line {number:,} is not JSON") from None
            yield json_row(record, description)


def _decode(content: bytes) -> object:
    for mark, encoding in _BOMS.items():
        if content.startswith(mark) and encoding == "utf-16":
            content = content.decode("utf-16", "replace").encode()
    try:
        return decode(content.removeprefix(b"\xef\xbb\xbf"))
    except ValueError as error:
        raise FileError(f"not JSON{': ' + str(error) if len(content) > MAX_BYTES else ''}") from None


def json_rows(body: object, description: Description) -> Iterator[Row]:
    """Yield the rows of a decoded body. Raises FileError when there is no list of rows where it is described."""
    rows = find_path(body, description.rows)
    place = ".".join(description.rows) or "the top"
    if description.is_columnar:
        columns = {name: _first_step(rows, wanted) for name, wanted in description.fields.items()}
        lists = {name: values for name, values in columns.items() if isinstance(values, list)}
        needed = {*_label_fields(description), "open", "high", "low", "close"} & description.fields.keys()
        if missing := sorted(needed - lists.keys()):
            raise FileError(f"no list of {missing[0]} at {place}")
        if len({len(values) for values in lists.values()}) > 1:
            raise FileError(f"the columns at {place} have different lengths")
        order = [lists.get(name) for name in COLUMNS]
        labels = [lists[name] for name in _label_fields(description)]
        for at in range(len(labels[0])):
            yield (" ".join(str(part[at]) for part in labels), *(values[at] if values else None for values in order))
        return
    if not isinstance(rows, list):
        raise FileError(f"no list of rows at {place}")
    for row in rows:
        yield json_row(row, description)


def json_row(record: object, description: Description) -> Row:
    """Return one row of JSON, an object or a list."""
    values = [_first_step(record, description.fields.get(name, ())) for name in COLUMNS]
    labels = [_first_step(record, description.fields[name]) for name in _label_fields(description)]
    label = " ".join(str(part) for part in labels if part is not None)
    return (label or json.dumps(record)[:200], *values)


def find_path(value: object, path: Iterable[str]) -> object:
    """Return what is at a path of names and numbers; None when there is nothing."""
    for name in path:
        value = _step(value, name)
    return value


def _first_step(value: object, names: Sequence[str]) -> object:
    return next((item for item in (_step(value, name) for name in names) if item is not None), None)


def _step(value: object, name: str) -> object:
    if isinstance(value, list):
        return value[int(name)] if name.isdecimal() and len(name) < 6 and int(name) < len(value) else None
    return mapping(value).get(name)


def _parquet_rows(path: Path, description: Description) -> Iterator[Row]:
    """Yield the rows of a Parquet file by DuckDB: a number as its shortest text, a time as ISO 8601."""
    import duckdb  # the loader's Lambda has no files and no DuckDB

    with duckdb.connect(config={"memory_limit": "192MB", "threads": 1}) as connection:
        try:
            source = connection.sql("select * from read_parquet($path)", params={"path": str(path)})
            header, types = source.columns, [str(kind) for kind in source.types]
            positions = _columns(description, header, len(header))
            selected = [_parquet_text(header[at], types[at]) if at >= 0 else "null" for at in positions]
            rows = connection.execute(f"select {', '.join(selected)} from read_parquet(?)", [str(path)])  # noqa: S608
            joins_labels = len(_label_fields(description)) == 2
            while batch := rows.fetchmany(_FETCHED_ROWS):
                for row in batch:
                    yield (f"{row[0]} {row[1]}", *row[2:]) if joins_labels else (row[0] or "", *row[1:])
        except duckdb.Error as error:
            raise FileError(f"not a readable Parquet file: {str(error).splitlines()[0][:120]}") from None


def _parquet_text(name: str, kind: str) -> str:
    column = '"' + name.replace('"', '""') + '"'
    if kind == "TIMESTAMP WITH TIME ZONE":
        return f"strftime(make_timestamp(epoch_us({column})), '%Y-%m-%dT%H:%M:%S+00:00')"
    if kind.startswith("TIMESTAMP"):
        return f"strftime(cast({column} as timestamp), '%Y-%m-%d %H:%M:%S')"
    return f"cast({column} as varchar)"

"""The raw zone's objects on one machine: which there are, whether they can be read, and their lines."""

import gzip
import os
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

DATASETS = ("bars", "daily_bars", "corporate_actions")
SUFFIX = ".ndjson.gz"
LONGEST_LINE = 15_999_999
"""Bytes in a line that DuckDB's reader takes: see macros/cross_engine/raw_lines.sql."""
_LARGEST_DECODED = 512 << 20
_CHUNK = 1 << 20
_HOUR = re.compile(r"hr=([01][0-9]|2[0-3])")
_PLAIN = bytes({*range(128)} - {1, 2})
"""What DuckDB's reader takes as it is: ASCII without the delimiter and the NULL of raw_lines.sql."""


@dataclass(frozen=True, slots=True)
class RawObject:
    """One entry of the raw zone: `path` from raw/ on. `problem` says why it is none of the zone's objects."""

    path: str
    dataset: str
    dt: str
    hr: str
    size_bytes: int
    modified_ns: int
    problem: str


@dataclass(frozen=True, slots=True)
class Content:
    """What an object holds: lines that are not blank, the CRC of its text. `problem` says why it cannot be read.

    `is_plain` says that DuckDB's own reader returns the lines as they are.
    """

    lines: int
    crc: int
    is_plain: bool
    problem: str


def list_objects(raw: Path) -> Iterator[RawObject]:
    """Yield the objects `dataset/dt=YYYY-MM-DD/hr=HH/name.ndjson.gz` of a raw zone, and what lies there beside them.

    Hidden files (`.` or `_` first) are ignored, as Athena ignores them, unless they have the name of an object.
    """
    for dataset in DATASETS:
        for day in _entries(raw / dataset):
            if not (day.is_dir() and _is_day(day.name)):
                yield from _strays(raw, dataset, day, "not a folder dt=YYYY-MM-DD")
                continue
            for hour in _entries(Path(day.path)):
                if not (hour.is_dir() and _HOUR.fullmatch(hour.name)):
                    yield from _strays(raw, dataset, hour, "not a folder hr=00 to hr=23")
                    continue
                for file in _entries(Path(hour.path)):
                    yield from _objects(raw, dataset, file)


def arrival_hour(key: str) -> str:
    """Return the arrival hour of an object, as 'YYYY-MM-DD HH', or '' for a file that is no object of a raw zone.

    `key` is the object's path from raw/ on, as `bars/dt=2026-03-02/hr=15/x.ndjson.gz`.
    """
    parts = key.split("/")
    if len(parts) != 4 or not (_is_day(parts[1]) and _HOUR.fullmatch(parts[2]) and parts[3].endswith(SUFFIX)):
        return ""
    return f"{parts[1][3:]} {parts[2][3:]}"


def inspect(path: Path) -> Content:
    """Read an object to its end, whatever its size, in little memory, and check it against its own checksum."""
    lines, crc, longest, text_bytes, unfinished, is_plain = 0, 0, 0, 0, b"", True
    try:
        with path.open("rb") as file:
            head = file.read(4)
            file.seek(max(0, path.stat().st_size - 9))
            # a header with a comment, and zeros after the end, are no error, but DuckDB refuses them
            is_plain = not (head[3:] and head[3] & 0x12) and file.read() != bytes(9)
        if not head:
            return Content(0, 0, is_plain=False, problem="0 bytes")
        with gzip.open(path) as text:
            while chunk := text.read(_CHUNK):
                crc, text_bytes = zlib.crc32(chunk, crc), text_bytes + len(chunk)
                is_plain = is_plain and not chunk.translate(None, _PLAIN)
                *finished, rest = chunk.replace(b"\r", b"\n").split(b"\n")
                if finished:
                    finished[0] = unfinished + finished[0]
                    lines += sum(1 for line in finished if line.strip(b" "))
                    longest = max(longest, *map(len, finished))
                    unfinished = rest
                else:
                    unfinished += rest
                if len(unfinished) > LONGEST_LINE:
                    longest = len(unfinished)
                if longest > LONGEST_LINE:
                    break
    except (OSError, EOFError, zlib.error) as error:
        return Content(0, 0, is_plain=False, problem=str(error) or type(error).__name__)
    longest = max(longest, len(unfinished))
    if longest > LONGEST_LINE:
        return Content(0, crc, is_plain=False, problem=f"a line has more than {LONGEST_LINE} bytes")
    if not is_plain and text_bytes > _LARGEST_DECODED:
        problem = f"holds bytes that are not ASCII, and more text ({text_bytes} bytes) than can be decoded"
        return Content(0, crc, is_plain=False, problem=problem)
    return Content(lines + bool(unfinished.strip(b" ")), crc, is_plain, "")


def read_lines(path: Path) -> list[str]:
    """Return the lines of an object that is not plain, decoded as Athena decodes them. Raises OSError, EOFError."""
    with gzip.open(path) as text:
        lines = text.read().replace(b"\r", b"\n").split(b"\n")
    return [line.decode("utf-8", "replace") for line in lines if line.strip(b" ")]


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(
                (entry for entry in entries if entry.name[0] not in "._" or entry.name.endswith(SUFFIX)),
                key=lambda entry: entry.name,
            )
    except FileNotFoundError:
        return []


def _objects(raw: Path, dataset: str, file: os.DirEntry[str]) -> Iterator[RawObject]:
    if not file.name.endswith(SUFFIX):
        yield from _strays(raw, dataset, file, f"not an object: its name does not end in {SUFFIX}")
    elif file.name[0] in "._" or set(file.name) & {"\\", "\n"} or not _is_text(file.name):
        yield from _strays(raw, dataset, file, "a name that engines cannot read: rename it")
    elif not file.is_file():
        yield from _strays(raw, dataset, file, "not a file")
    else:
        yield from _strays(raw, dataset, file, "")


def _strays(raw: Path, dataset: str, entry: os.DirEntry[str], problem: str) -> Iterator[RawObject]:
    """Yield the entry with its size, or nothing when it has vanished since it was listed."""
    path = Path(entry.path).relative_to(raw)
    dt, hr = (path.parts[1][3:], path.parts[2][3:]) if len(path.parts) == 4 else ("", "")
    try:
        status = entry.stat() if not problem else entry.stat(follow_symlinks=False)
    except OSError:
        return
    text = str(path).encode("utf-8", "replace").decode()
    yield RawObject(text, dataset, dt, hr, status.st_size, status.st_mtime_ns, problem)


def _is_day(name: str) -> bool:
    if not re.fullmatch(r"dt=[0-9]{4}-[0-9]{2}-[0-9]{2}", name, re.ASCII):
        return False
    try:
        return bool(date.fromisoformat(name[3:]))
    except ValueError:
        return False


def _is_text(name: str) -> bool:
    try:
        return bool(name.encode())
    except UnicodeEncodeError:
        return False

"""Packing of lines into stream records, and of records into batches, within the services' limits."""

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

INCREMENT = 5 * 1024
"""Firehose bills every record in steps of this many bytes."""
FULL = 40 * INCREMENT
"""A record is closed before it grows past this: at most one line of the last increment stays unused (under 1 %)."""
MAX_RECORD = 1_000 * 1024
"""Largest record that both services accept."""
MAX_BATCH_RECORDS = 500
MAX_BATCH_BYTES = 1024 * 1024
"""A quarter of Firehose's limit: the copies of a request decide a function's peak memory."""
_KEY_LENGTH = 256


@dataclass(frozen=True, slots=True)
class Record:
    """Whole lines that travel together; `key` keeps their order with others of the same key (empty: no order)."""

    lines: tuple[bytes, ...]
    key: str = ""

    @property
    def data(self) -> bytes:
        """The record's bytes: each line with its newline, so that concatenated records are lines again."""
        return b"".join(line + b"\n" for line in self.lines)

    @property
    def size(self) -> int:
        """Bytes that count towards the limits of a batch."""
        return sum(len(line) + 1 for line in self.lines) + len(self.key.encode())


def partition_key(line: bytes) -> str:
    """Return the symbol of a line, or `unreadable` where there is none: such lines need no order, only delivery."""
    try:
        symbol = json.loads(line)["symbol"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return "unreadable"
    return symbol if isinstance(symbol, str) and 0 < len(symbol) <= _KEY_LENGTH and symbol.isascii() else "unreadable"


def pack(lines: Iterable[bytes], *, by_symbol: bool = False) -> tuple[list[Record], list[bytes]]:
    """Fill records with lines, in order; with `by_symbol`, one symbol a record.

    Returns the records, and the lines that are too large for any record.
    """
    records: list[Record] = []
    open_records: dict[str, list[bytes]] = {}
    sizes: dict[str, int] = {}
    too_large = []
    for line in lines:
        key = partition_key(line) if by_symbol else ""
        size = len(line) + 1
        if size + len(key) > MAX_RECORD:
            too_large.append(line)
            continue
        if open_records.get(key) and sizes[key] + size > FULL:
            records.append(Record(tuple(open_records.pop(key)), key))
        if key not in open_records:
            open_records[key], sizes[key] = [], 0
        open_records[key].append(line)
        sizes[key] += size
    records.extend(Record(tuple(packed), key) for key, packed in open_records.items())
    return records, too_large


def batches(records: Iterable[Record]) -> Iterator[list[Record]]:
    """Group records into requests: at most 500 records, 1 MiB, and one record of a key.

    A key's next record waits for the batch after, so that a retry never lands behind its successor.
    """
    waiting = list(records)
    while waiting:
        batch: list[Record] = []
        size, keys, later = 0, set(), []
        for position, record in enumerate(waiting):
            if len(batch) == MAX_BATCH_RECORDS or size + record.size > MAX_BATCH_BYTES:
                later.extend(waiting[position:])
                break
            if record.key and record.key in keys:
                later.append(record)
                continue
            batch.append(record)
            keys.add(record.key)
            size += record.size
        yield batch
        waiting = later


def billed_bytes(record: Record) -> int:
    """Return the bytes that Firehose bills for the record: its size rounded up to the next increment."""
    return -(-len(record.data) // INCREMENT) * INCREMENT


def shard_count(lines_per_second: float, bytes_per_line: float = 400.0, records_per_second: float | None = None) -> int:
    """Return the provisioned Kinesis shards that a load needs: a shard accepts 1 MiB and 1,000 records a second.

    `records_per_second` defaults to the worst case, a record a line.
    """
    by_bytes = lines_per_second * bytes_per_line / (1024 * 1024)
    by_records = (lines_per_second if records_per_second is None else records_per_second) / 1000
    return max(1, math.ceil(max(by_bytes, by_records)))

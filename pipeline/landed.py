"""What has landed: the files of a raw zone, and what its objects hold, by dataset."""

import gzip
import json
import os
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tickerlake.raw_zone import arrival_hour

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

Listing = Mapping[str, list[Any]]
"""Objects by key, as `bars/dt=2026-03-02/hr=15/x.ndjson.gz`: size in bytes, and its time or ETag."""

SAMPLE_LINES = 20_000
"""Lines of a dataset that are read for an estimate; what lies beyond is estimated from bytes."""
_DATES = {"bars": "bar_start", "daily_bars": "session_date", "corporate_actions": "effective_date"}


@dataclass
class Landed:
    """What has landed in one dataset; `lines` is exact when every object was read, else estimated from bytes.

    `series` are the symbols with their source and interval, `dates` the days of their bars, of the lines read.
    """

    dataset: str
    objects: int = 0
    bytes: int = 0
    first_hour: str = ""
    last_hour: str = ""
    lines: int = 0
    is_estimate: bool = False
    unreadable: int = 0
    series: set[tuple[str, ...]] = field(default_factory=set)
    dates: set[str] = field(default_factory=set)

    @property
    def symbols(self) -> set[str]:
        """Return the symbols of the lines that were read."""
        return {series[0] for series in self.series}


def list_folder(raw: Path) -> Listing:
    """List every file of a lake's raw zone, those that no build reads included."""
    listing: dict[str, list[Any]] = {}
    for folder, _, names in os.walk(raw, followlinks=True):
        prefix = os.path.relpath(folder, raw)
        for name in names:
            status = os.stat(os.path.join(folder, name), follow_symlinks=True)  # noqa: PTH116, PTH118 - many files
            listing[f"{prefix}/{name}"] = [status.st_size, status.st_mtime_ns]
    return listing


def list_bucket(client: "S3Client", bucket: str, datasets: Iterable[str], first_date: str) -> Listing:
    """List the objects of datasets in a raw bucket that arrived on `first_date` or later ('' for all)."""
    listing: dict[str, list[Any]] = {}
    for dataset in datasets:
        start = {"StartAfter": f"raw/{dataset}/dt={first_date}"} if first_date else {}
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"raw/{dataset}/", **start)  # type: ignore[arg-type]
        for page in pages:
            for item in page.get("Contents", []):
                listing[item["Key"].removeprefix("raw/")] = [item["Size"], item["ETag"]]
    return listing


def summarize(listing: Listing, open_object: Any) -> list[Landed]:
    """Return what objects hold, by dataset: all are counted, and lines are read up to SAMPLE_LINES of a dataset.

    `open_object` returns the bytes of an object as a file, by key.
    """
    by_dataset: dict[str, list[str]] = {}
    for key in sorted(listing):
        if arrival_hour(key):
            by_dataset.setdefault(key.partition("/")[0], []).append(key)
    return [_summarize(dataset, keys, listing, open_object) for dataset, keys in by_dataset.items()]


def _summarize(dataset: str, keys: list[str], listing: Listing, open_object: Any) -> Landed:
    hours = sorted(map(arrival_hour, keys))
    landed = Landed(dataset, len(keys), sum(listing[key][0] for key in keys), hours[0], hours[-1])
    bytes_read = 0
    for key in reversed(keys):  # the newest first
        if landed.lines >= SAMPLE_LINES:
            landed.is_estimate = True
            landed.lines = round(landed.lines * landed.bytes / max(bytes_read, 1))
            break
        bytes_read += listing[key][0]
        try:
            with open_object(key) as file, gzip.open(file) as lines:
                for line in lines:
                    _add_line(landed, line)
        except (OSError, EOFError, zlib.error):
            landed.unreadable += 1
    return landed


def _add_line(landed: Landed, line: bytes) -> None:
    if not line.strip():
        return
    landed.lines += 1
    try:
        record = json.loads(line)
        named = [record[name] for name in ("symbol", "source", "bar_interval") if name in record]
        day = record[_DATES.get(landed.dataset, "bar_start")][:10]
    except (ValueError, TypeError, KeyError):
        return
    if all(isinstance(text, str) for text in named):
        landed.series.add(tuple(named))
        landed.dates.add(day)

"""A raw zone in a folder: the prefix that Firehose writes to S3, on one machine."""

import gzip
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from loader.errors import LoaderError


class FolderSink:
    """Writes gzipped objects of lines below `<lake>/raw/<dataset>/dt=YYYY-MM-DD/hr=HH/`.

    An object appears whole or not at all: it is written under a hidden name, synced, and renamed.
    """

    def __init__(self, lake: Path) -> None:
        self._raw = lake / "raw"

    def write(self, dataset: str, lines: Sequence[bytes], name: str, arrived_at: datetime) -> Path:
        """Land `lines` as one object and return its path. dt and hr are the UTC hour of `arrived_at`.

        Raises LoaderError, naming the folder, when it cannot be written.
        """
        hour = arrived_at.astimezone(UTC)
        folder = self._raw / dataset / f"dt={hour:%Y-%m-%d}" / f"hr={hour:%H}"
        target = folder / f"{name}.ndjson.gz"
        write_atomically(target, gzip.compress(b"".join(line + b"\n" for line in lines), 6, mtime=0))
        return target


def write_atomically(target: Path, content: bytes) -> None:
    """Write a file so that a reader sees all of it or nothing. Raises LoaderError when the folder cannot be written."""
    hidden = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            with hidden.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            hidden.replace(target)
        finally:
            hidden.unlink(missing_ok=True)
    except OSError as error:
        raise LoaderError(
            f"cannot write {target.parent}: {error.strerror}; choose another folder with --lake or TICKERLAKE_LAKE"
        ) from None

"""The raw zone in a folder, with the same prefixes that Firehose writes to S3."""

import gzip
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from loader.sinks import Delivery
from loader.store import write_atomically
from tickerlake.errors import UserError

_LINES_PER_OBJECT = 50_000


class FolderSink:
    """Writes gzipped objects of lines below `<lake>/raw/<dataset>/dt=YYYY-MM-DD/hr=HH/`.

    An object appears whole or not at all: it is written under a hidden name, synced, and renamed.
    """

    def __init__(self, lake: Path) -> None:
        self._raw = lake / "raw"

    def deliver(self, dataset: str, lines: Sequence[bytes], name: str, arrived_at: datetime) -> Delivery:
        """Land all lines, in objects named `name-0000` and so on. Raises UserError when the folder is not writable."""
        for start in range(0, len(lines), _LINES_PER_OBJECT):
            part = name if dataset == "loader_runs" else f"{name}-{start // _LINES_PER_OBJECT:04d}"
            self.write(dataset, lines[start : start + _LINES_PER_OBJECT], part, arrived_at)
        return Delivery(len(lines))

    def adopt(self, dataset: str, path: Path, name: str, arrived_at: datetime) -> Path:
        """Land a gzipped file of lines that is on the same disk, by renaming it, and return its path.

        Raises UserError, naming the folder, when it is not writable.
        """
        target = self._target(dataset, name, arrived_at)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            path.replace(target)
        except OSError as error:
            raise UserError(f"cannot write {target}: {error.strerror}") from None
        return target

    def write(self, dataset: str, lines: Sequence[bytes], name: str, arrived_at: datetime) -> Path:
        """Land `lines` as one object and return its path. dt and hr are the UTC hour of `arrived_at`.

        Raises UserError, naming the folder, when it is not writable.
        """
        target = self._target(dataset, name, arrived_at)
        write_atomically(target, gzip.compress(b"".join(line + b"\n" for line in lines), 6, mtime=0))
        return target

    def _target(self, dataset: str, name: str, arrived_at: datetime) -> Path:
        hour = arrived_at.astimezone(UTC)
        return self._raw / dataset / f"dt={hour:%Y-%m-%d}" / f"hr={hour:%H}" / f"{name}.ndjson.gz"

"""Rendered lines that wait on disk until their run ends, so that a large file needs little memory."""

import gzip
import os
import shutil
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tickerlake.errors import UserError

_LINES_PER_BLOCK = 100_000
_LEVEL = 1
"""Lines compress to a tenth at any level; this one takes a third of the time."""


@dataclass(frozen=True, slots=True)
class Block:
    """A gzipped file of `count` lines of one dataset."""

    dataset: str
    number: int
    path: Path
    count: int

    def read(self) -> list[bytes]:
        """Return the lines."""
        return gzip.decompress(self.path.read_bytes()).splitlines()


@dataclass
class Spool:
    """Blocks of lines in a hidden folder of the lake, which is created with the first block."""

    blocks: list[Block] = field(default_factory=list)
    count: int = 0
    """The number of lines that were ever added."""
    _folder: Path | None = None
    _open: dict[str, gzip.GzipFile] = field(default_factory=dict)
    _counts: dict[str, int] = field(default_factory=dict)
    _paths: dict[str, Path] = field(default_factory=dict)
    _created: list[Path] = field(default_factory=list)

    def add(self, lake: Path, dataset: str, lines: bytes, count: int) -> None:
        """Append lines to the dataset's open block. Raises UserError when the lake is not writable."""
        try:
            file = self._open.get(dataset) or self._begin(lake, dataset)
            file.write(lines)
            self._counts[dataset] += count
            self.count += count
            if self._counts[dataset] >= _LINES_PER_BLOCK:
                self._end(dataset)
        except OSError as error:
            self.remove()
            raise UserError(f"cannot write to {lake}: {error.strerror}") from None

    def finish(self) -> list[Block]:
        """Close the open blocks and return all. Raises UserError when the disk is full."""
        try:
            for dataset in list(self._open):
                self._end(dataset)
        except OSError as error:
            self.remove()
            raise UserError(f"cannot write lines: {error.strerror}") from None
        return self.blocks

    def _begin(self, lake: Path, dataset: str) -> gzip.GzipFile:
        if self._folder is None:
            self._created = [path for path in (lake, *lake.parents) if not path.exists()]
            lake.mkdir(parents=True, exist_ok=True)
            self._folder = Path(tempfile.mkdtemp(prefix=".spool-", dir=lake))
        path = self._folder / f"{len(self.blocks):04d}-{dataset}.ndjson.gz"
        file = gzip.GzipFile(path, "wb", _LEVEL, mtime=0)
        path.chmod(0o644)
        self._open[dataset], self._counts[dataset], self._paths[dataset] = file, 0, path
        return file

    def _end(self, dataset: str) -> None:
        path, file = self._paths[dataset], self._open.pop(dataset)
        file.close()
        with path.open("rb") as closed:
            os.fsync(closed.fileno())
        self.blocks.append(Block(dataset, len(self.blocks), path, self._counts[dataset]))

    def remove(self) -> None:
        """Remove the folder, and the lake if it was created for it and is empty."""
        for file in self._open.values():
            with suppress(OSError):
                file.close()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            for path in self._created:
                if path.is_dir() and not any(path.iterdir()):
                    path.rmdir()
        self._folder, self.blocks, self._open = None, [], {}

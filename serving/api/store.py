"""The lake's published copy, opened for reading, and opened again when a build has replaced it."""

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from pipeline import lake as lakes
from pipeline.errors import PipelineError


@dataclass(frozen=True, slots=True)
class Release:
    """One published state: a connection that sees it and nothing else, and the tag that names it.

    The connection reads files of the lake only, writes nothing, and its settings are locked.
    """

    tag: str
    snapshot_id: int
    published_at: str
    connection: duckdb.DuckDBPyConnection

    def query(self, sql: str, values: list[Any] | None = None) -> tuple[list[str], list[tuple[Any, ...]]]:
        """Run a query on a cursor of its own: the names of its columns, and its rows."""
        with self.connection.cursor() as cursor:
            cursor.execute("use lake.published; set TimeZone = 'UTC'")  # a cursor starts with the defaults
            cursor.execute(sql, values or [])
            return [column[0] for column in cursor.description or []], cursor.fetchall()


class Store:
    """Gives the newest release. Requests that hold an older one finish on it."""

    def __init__(self, folder: Path, memory: str = "1GB", threads: int = 2) -> None:
        self._folder = folder.resolve()
        self._memory = memory
        self._threads = threads
        self._lock = threading.Lock()
        self._seen: tuple[int, int] | None = None
        self._release: Release | None = None

    @property
    def is_current(self) -> bool:
        """True while the release at hand is the published one: a look at the file, without opening it."""
        return self._release is not None and self._identity() == self._seen

    def release(self) -> Release:
        """Give the published release, opening it where it is new.

        Raises PipelineError when nothing is published and nothing was.
        """
        held = self._release
        if held is not None and (self.is_current or not self._lock.acquire(blocking=False)):
            return held  # while another request opens the new one
        if held is None:
            self._lock.acquire()
        try:
            identity = self._identity()
            if self._release is None or (identity is not None and identity != self._seen):
                self._release = self._open()
                self._seen = identity
            return self._release
        finally:
            self._lock.release()

    def forget(self) -> None:
        """Open the published copy again at the next request: a file of the release at hand is gone."""
        self._seen = (0, 0)

    def _identity(self) -> tuple[int, int] | None:
        try:
            status = (self._folder / lakes.PUBLISHED).stat()
        except OSError:
            return None
        return status.st_ino, status.st_mtime_ns

    def _open(self) -> Release:
        try:
            connection = lakes.connect(self._folder)
            for statement in (
                f"set memory_limit = '{self._memory}'",
                f"set threads = {self._threads}",
                f"set allowed_directories = ['{self._folder}/']",
                "set enable_external_access = false",
            ):
                connection.execute(statement)
            snapshot, at = connection.sql(
                "select snapshot_id, strftime(snapshot_time, '%Y-%m-%dT%H:%M:%S.%fZ') from lake.snapshots() "
                "order by snapshot_id desc limit 1"
            ).fetchall()[0]
        except duckdb.Error as error:
            raise PipelineError(f"the published catalogue cannot be opened: {' '.join(str(error).split())}") from None
        return Release(f"{snapshot}-{at[:19].translate({45: None, 58: None})}{at[20:26]}", snapshot, at, connection)

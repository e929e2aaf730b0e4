"""The published release that the API reads, opened again when a newer one replaces it."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from serving.health import compute_health
from serving.release_source import fetch_rows
from tickerlake import lake as lakes
from tickerlake.errors import UserError


@dataclass(frozen=True, slots=True)
class Release:
    """A published state: its tag, and a read-only connection that sees nothing newer.

    `schema` holds its tables; `cached_health` is its health where the publisher stored that.
    """

    tag: str
    published_at: str
    connection: duckdb.DuckDBPyConnection
    schema: str = "lake.published"
    cached_health: Mapping[str, Any] = field(default_factory=dict)
    _symbols: set[str] = field(default_factory=set, repr=False)

    def query(self, sql: str, values: list[Any] | None = None) -> tuple[list[str], list[tuple[Any, ...]]]:
        """Run a query on a cursor of its own and return its column names and its rows."""
        with self._cursor() as cursor:
            cursor.execute(sql, values or [])
            return [column[0] for column in cursor.description or []], cursor.fetchall()

    def rows(self, sql: str) -> Iterator[tuple[Any, ...]]:
        """Run a query and yield its rows, which need not fit into memory."""
        with self._cursor() as cursor:
            cursor.execute(sql)
            yield from fetch_rows(cursor)

    def symbols(self) -> set[str]:
        """Return the symbols of the release, which are read once."""
        if not self._symbols:
            self._symbols.update(symbol for (symbol,) in self.query("select symbol from dim_symbol")[1])
        return self._symbols

    def health(self) -> Mapping[str, Any]:
        """Return the freshness and completeness of the release."""
        return self.cached_health or compute_health(self)

    def _cursor(self) -> duckdb.DuckDBPyConnection:
        cursor = self.connection.cursor()
        cursor.execute(f"use {self.schema}; set TimeZone = 'UTC'")  # a cursor starts with the defaults
        return cursor


class ReleaseStore(ABC):
    """Opens the newest release. Requests that hold an older one finish on it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open_version: Hashable = None
        self._release: Release | None = None

    @property
    def current(self) -> Release | None:
        """The open release if a check without waiting shows that it is the published one, else None."""
        return self._release if self._release is not None and self.cheap_version() == self._open_version else None

    def release(self) -> Release:
        """Return the published release; open it first if it is new.

        While another request opens it, this returns the release before. Raises UserError when nothing is published
        and no release is open.
        """
        if (current := self.current) is not None:
            return current
        if self._release is not None and not self._lock.acquire(blocking=False):
            return self._release
        if self._release is None:
            self._lock.acquire()
        try:
            version = self.version()
            if self._release is None or (version is not None and version != self._open_version):
                self._release = self._open()
                self._open_version = version
            return self._release
        finally:
            self._lock.release()

    def invalidate(self) -> None:
        """Open the published release again at the next request, as a file of the open one was removed."""
        self._open_version = object()

    @abstractmethod
    def cheap_version(self) -> Hashable:
        """Return the version of the published state without waiting; None when that is not known."""

    def version(self) -> Hashable:
        """Return the version of the published state; None when there is none."""
        return self.cheap_version()

    @abstractmethod
    def _open(self) -> Release:
        """Open the published state. Raises UserError when there is none."""


class LakeStore(ReleaseStore):
    """The published copy of a lake on this machine."""

    def __init__(self, folder: Path, memory: str = "1GB", threads: int = 2) -> None:
        super().__init__()
        self._folder = folder.resolve()
        self._memory = memory
        self._threads = threads

    def cheap_version(self) -> Hashable:
        """Return inode and modification time of the published catalogue."""
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
            snapshot, published_at = connection.sql(
                "select snapshot_id, strftime(snapshot_time, '%Y-%m-%dT%H:%M:%S.%fZ') from lake.snapshots() "
                "order by snapshot_id desc limit 1"
            ).fetchall()[0]
        except duckdb.Error as error:
            raise UserError(f"cannot open the published catalogue: {' '.join(str(error).split())}") from None
        compact = published_at[:19].translate({ord("-"): None, ord(":"): None}) + published_at[20:26]
        return Release(f"{snapshot}-{compact}", published_at, connection)

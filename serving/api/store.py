"""What the API reads: a published release, opened again when another has replaced it."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from serving.health import health
from serving.source import fetched
from tickerlake import lake as lakes
from tickerlake.errors import UserError


@dataclass(frozen=True, slots=True)
class Release:
    """One published state: a connection that sees it and writes nothing, and the tag that names it.

    `schema` holds its tables; `told` is its health where the publisher wrote that down.
    """

    tag: str
    published_at: str
    connection: duckdb.DuckDBPyConnection
    schema: str = "lake.published"
    told: Mapping[str, Any] = field(default_factory=dict)

    def query(self, sql: str, values: list[Any] | None = None) -> tuple[list[str], list[tuple[Any, ...]]]:
        """Run a query on a cursor of its own: the names of its columns, and its rows."""
        with self._cursor() as cursor:
            cursor.execute(sql, values or [])
            return [column[0] for column in cursor.description or []], cursor.fetchall()

    def rows(self, sql: str) -> Iterator[tuple[Any, ...]]:
        """Run a query whose rows need not fit into memory."""
        with self._cursor() as cursor:
            cursor.execute(sql)
            yield from fetched(cursor)

    def health(self) -> Mapping[str, Any]:
        """How fresh and how whole the release is."""
        return self.told or health(self)

    def _cursor(self) -> duckdb.DuckDBPyConnection:
        cursor = self.connection.cursor()
        cursor.execute(f"use {self.schema}; set TimeZone = 'UTC'")  # a cursor starts with the defaults
        return cursor


class Store(ABC):
    """Gives the newest release. Requests that hold an older one finish on it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: Hashable = None
        self._release: Release | None = None

    @property
    def current(self) -> Release | None:
        """The release at hand while that is known to be the published one, found without waiting; else None."""
        return self._release if self._release is not None and self._glance() == self._seen else None

    def release(self) -> Release:
        """Give the published release, opening it where it is new.

        Raises UserError when nothing is published and nothing was.
        """
        if (current := self.current) is not None:
            return current
        if self._release is not None and not self._lock.acquire(blocking=False):
            return self._release  # while another request opens the new one
        if self._release is None:
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
        """Open what is published again at the next request: a file of the release at hand is gone."""
        self._seen = object()

    @abstractmethod
    def _glance(self) -> Hashable:
        """What names the published state, as far as can be told at once."""

    def _identity(self) -> Hashable:
        """What names the published state; None when there is none."""
        return self._glance()

    @abstractmethod
    def _open(self) -> Release:
        """Open the published state. Raises UserError when there is none."""


class LakeStore(Store):
    """The published copy of a lake on this machine."""

    def __init__(self, folder: Path, memory: str = "1GB", threads: int = 2) -> None:
        super().__init__()
        self._folder = folder.resolve()
        self._memory = memory
        self._threads = threads

    def _glance(self) -> Hashable:
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
            raise UserError(f"the published catalogue cannot be opened: {' '.join(str(error).split())}") from None
        return Release(f"{snapshot}-{at[:19].translate({45: None, 58: None})}{at[20:26]}", at, connection)

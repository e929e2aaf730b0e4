"""A published release, as whoever copies it reads it: the lake's on this machine, or Athena's."""

from collections.abc import Iterator
from typing import Any, Protocol

import duckdb

_ROWS = 20_000


class Source(Protocol):
    """Rows of one release."""

    @property
    def tag(self) -> str:
        """What names the release; another one has another tag."""

    @property
    def published_at(self) -> str:
        """When it was published, as ISO-8601 text in UTC."""

    def rows(self, sql: str) -> Iterator[tuple[Any, ...]]:
        """Run a query, in SQL that every engine takes, over bare names of marts; times come naive, in UTC."""


def fetched(reading: duckdb.DuckDBPyConnection) -> Iterator[tuple[Any, ...]]:
    """Give the rows of what was executed, which need not fit into memory."""
    while rows := reading.fetchmany(_ROWS):
        yield from rows

"""A published release as its consumers read it: from the lake on this machine, or from Athena."""

from collections.abc import Iterator
from typing import Any, Protocol

import duckdb

_ROWS_PER_FETCH = 20_000


class ReleaseSource(Protocol):
    """The rows of one release."""

    @property
    def tag(self) -> str:
        """The name of the release; each release has its own."""

    @property
    def published_at(self) -> str:
        """The time of publication, as ISO-8601 text in UTC."""

    def rows(self, sql: str) -> Iterator[tuple[Any, ...]]:
        """Run a query over bare mart names, in SQL that DuckDB and Athena share; timestamps are naive UTC."""


def fetch_rows(connection: duckdb.DuckDBPyConnection) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of the executed query in chunks, so that they need not fit into memory."""
    while rows := connection.fetchmany(_ROWS_PER_FETCH):
        yield from rows

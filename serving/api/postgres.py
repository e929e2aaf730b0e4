"""The PostgreSQL copy as a store of the API. DuckDB reads it, so the API has one SQL dialect for every store."""

import os
import time
from collections.abc import Hashable

import duckdb
import psycopg
from duckdb_extensions import import_extension
from psycopg import conninfo

from serving.api.store import Release, ReleaseStore
from serving.publish.postgres import RELEASE, SCHEMA, connect
from tickerlake import lake as lakes
from tickerlake.errors import UserError

_MAX_AGE_SECONDS = 5.0
"""How long the tag of PostgreSQL's release is used before it is fetched again."""
_STATEMENT_MILLISECONDS = 20_000
_TIME = 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'
_RELEASE = f"select tag, to_char(published_at at time zone 'UTC', '{_TIME}'), health from {SCHEMA}.{RELEASE}"  # noqa: S608


class PostgresStore(ReleaseStore):
    """The release that `serving.publish` copied to PostgreSQL; the role of the address only needs to read."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url
        self._row: tuple[str, str, dict[str, object]] = ("", "", {})  # tag, time of publication, health
        self._fetched_at = float("-inf")

    def cheap_version(self) -> Hashable:
        """Return the tag that was fetched in the last seconds; None when that is too long ago."""
        return self._row[0] if time.monotonic() - self._fetched_at < _MAX_AGE_SECONDS else None

    def version(self) -> Hashable:
        """Return the tag of the release that PostgreSQL holds. Raises UserError when it cannot be read."""
        self._row, self._fetched_at = self._fetch_row(), time.monotonic()
        return self._row[0]

    def _fetch_row(self) -> tuple[str, str, dict[str, object]]:
        try:
            with connect(self._url) as connection:
                row = connection.execute(_RELEASE).fetchone()
        except psycopg.errors.UndefinedTable:
            row = None
        except psycopg.Error as error:
            raise UserError(f"cannot read the release from PostgreSQL: {type(error).__name__}") from None
        if row is None:
            raise UserError("PostgreSQL holds no release yet: run `python -m serving.publish`")
        tag, published_at, health = row
        return tag, published_at, health

    def _open(self) -> Release:
        tag, published_at, health = self._row
        address = conninfo.conninfo_to_dict(self._url)
        # DuckDB's errors repeat the address, so libpq gets the password from the environment
        os.environ["PGPASSWORD"] = str(address.pop("password", None) or os.environ.get("PGPASSWORD", ""))
        text = conninfo.make_conninfo("", **address)
        folder = lakes.extensions()
        folder.mkdir(parents=True, exist_ok=True)
        # Lambda has no home directory, which DuckDB requires
        connection = duckdb.connect(config={"extension_directory": str(folder), "home_directory": str(folder)})
        try:
            import_extension("postgres_scanner", con=connection)  # from its Python package; a no-op when installed
            for statement in (
                "load postgres_scanner",
                "set TimeZone = 'UTC'",
                "set pg_use_ctid_scan = false",  # one scan, which can use the key
                f"set pg_statement_timeout_millis = {_STATEMENT_MILLISECONDS}",
                f"attach '{text.replace(chr(39), chr(39) * 2)}' as lake (type postgres, read_only, schema '{SCHEMA}')",
                "set enable_external_access = false",
            ):
                connection.execute(statement)
        except duckdb.Error as error:
            raise UserError(f"cannot read PostgreSQL: {' '.join(str(error).split())}") from None
        return Release(tag, published_at, connection, f"lake.{SCHEMA}", health)

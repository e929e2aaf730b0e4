"""The PostgreSQL copy as a store of the API: DuckDB reads it, so that every store is asked in one dialect."""

import os
import time
from collections.abc import Hashable

import duckdb
import psycopg
from duckdb_extensions import import_extension
from psycopg import conninfo

from serving.api.store import Release, Store
from serving.publish.postgres import RELEASE, SCHEMA, connect
from tickerlake import lake as lakes
from tickerlake.errors import UserError

_SECONDS = 5.0
"""For how long PostgreSQL is not asked again which release it holds."""
_STATEMENT_MILLISECONDS = 20_000
_TIME = 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'
_RELEASE = f"select tag, to_char(published_at at time zone 'UTC', '{_TIME}'), health from {SCHEMA}.{RELEASE}"  # noqa: S608


class PostgresStore(Store):
    """The release that `serving.publish` brought to PostgreSQL. The address's role needs to read and nothing more."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url
        self._told: tuple[str, str, dict[str, object]] = ("", "", {})
        self._asked_at = float("-inf")

    def _glance(self) -> Hashable:
        return self._told[0] if time.monotonic() - self._asked_at < _SECONDS else None

    def _identity(self) -> Hashable:
        self._told, self._asked_at = self._ask(), time.monotonic()
        return self._told[0]

    def _ask(self) -> tuple[str, str, dict[str, object]]:
        try:
            with connect(self._url) as connection:
                found = connection.execute(_RELEASE).fetchone()
        except psycopg.errors.UndefinedTable:
            found = None
        except psycopg.Error as error:
            raise UserError(f"PostgreSQL refused to say its release: {type(error).__name__}") from None
        if found is None:
            raise UserError("PostgreSQL holds no release yet: run `python -m serving.publish`")
        tag, published_at, health = found
        return tag, published_at, health

    def _open(self) -> Release:
        tag, published_at, health = self._told
        address = conninfo.conninfo_to_dict(self._url)
        # errors of DuckDB repeat the address they were given; libpq takes the password from here
        os.environ["PGPASSWORD"] = str(address.pop("password", None) or os.environ.get("PGPASSWORD", ""))
        text = conninfo.make_conninfo("", **address)
        folder = lakes.extensions()
        folder.mkdir(parents=True, exist_ok=True)
        # in Lambda there is no home, which DuckDB must have
        connection = duckdb.connect(config={"extension_directory": str(folder), "home_directory": str(folder)})
        try:
            import_extension("postgres_scanner", con=connection)  # from its package; once done, nothing
            for statement in (
                "load postgres_scanner",
                "set TimeZone = 'UTC'",
                "set pg_use_ctid_scan = false",  # one scan, which may use the key
                f"set pg_statement_timeout_millis = {_STATEMENT_MILLISECONDS}",
                f"attach '{text.replace(chr(39), chr(39) * 2)}' as lake (type postgres, read_only, schema '{SCHEMA}')",
                "set enable_external_access = false",
            ):
                connection.execute(statement)
        except duckdb.Error as error:
            raise UserError(f"PostgreSQL cannot be read: {' '.join(str(error).split())}") from None
        return Release(tag, published_at, connection, f"lake.{SCHEMA}", health)

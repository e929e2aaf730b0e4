"""The copy: one transaction that leaves PostgreSQL with one release, touching only the rows that differ."""

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import psycopg
from psycopg import sql

from pipeline.errors import PipelineError
from serving.api.datasets import DATASETS
from serving.api.store import Release
from serving.contract import Mart, marts

SCHEMA = "api"
STATE = "tickerlake"  # what was published, in a schema that nobody but the publisher reads
PUBLISHED = tuple(sorted({dataset.mart_name for dataset in DATASETS}))
# marts that the protocol writes: a row whose content changed has a newer batch_id. Rows of views can change without.
BY_BATCH = (
    "fct_bar", "fct_price_change", "fct_moving_average", "fct_volume_spike", "fct_technical_indicator",
    "fct_daily_bar", "fct_daily_indicator",
)  # fmt: skip
READERS = ("anon", "authenticated")  # Supabase's roles
_TYPES = {"varchar": "text", "timestamp": "timestamp with time zone", "double": "double precision"}
_LOCK = 7_215_031  # of pg_advisory_xact_lock: one publisher at a time
_ROWS = 20_000


@dataclass(frozen=True, slots=True)
class Change:
    """What a publication did to one table: rows written (new or different), rows removed, whether all were compared."""

    mart: str
    written: int
    removed: int
    is_whole: bool


def connect(url: str) -> psycopg.Connection[Any]:
    """Connect to PostgreSQL. Works through a transaction pooler too: it prepares no statements.

    Raises PipelineError without a word of the address, which holds a password.
    """
    try:
        return psycopg.connect(url, prepare_threshold=None, connect_timeout=20)
    except psycopg.Error as error:
        raise PipelineError(
            f"PostgreSQL cannot be reached ({type(error).__name__}): check DATABASE_URL, as in "
            "postgresql://user:password@host:5432/database"
        ) from None


def publish(release: Release, connection: psycopg.Connection[Any], readers: Sequence[str] = READERS) -> list[Change]:
    """Bring PostgreSQL to a release, in one transaction: readers see the old state or the new, whatever happens.

    `readers` are roles that may read; those that do not exist are passed over.
    """
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute("select pg_advisory_xact_lock(%s)", [_LOCK])
        cursor.execute("set local time zone 'UTC'")  # in which the lake's times, staged without a zone, are read
        _prepare(cursor)
        series = _series(release)
        changes = [_bring(release, cursor, marts()[name], series) for name in PUBLISHED]
        _grant(cursor, readers)
    return changes


def _prepare(cursor: psycopg.Cursor[Any]) -> None:
    cursor.execute(f"create schema if not exists {SCHEMA}")
    cursor.execute(f"create schema if not exists {STATE}")
    cursor.execute(
        f"create table if not exists {STATE}.publication (mart text primary key, contract text not null, "
        "series text not null, batch_id bigint not null, release text not null, "
        "published_at timestamp with time zone not null)"
    )


def _series(release: Release) -> str:
    """Fingerprint which series are primary: a change of it moves rows in and out without a new batch_id."""
    _, rows = release.query("select symbol, bar_interval, source from dim_series where is_primary order by all")
    return hashlib.sha256(repr(rows).encode()).hexdigest()[:16]


def _bring(release: Release, cursor: psycopg.Cursor[Any], mart: Mart, series: str) -> Change:
    contract = hashlib.sha256(
        repr([(c.name, c.data_type, c.name in mart.key) for c in mart.columns.values()]).encode()
    ).hexdigest()[:16]
    cursor.execute(f"select contract, series, batch_id from {STATE}.publication where mart = %s", [mart.name])
    known = cursor.fetchone()
    if known is None or known[0] != contract:
        _create(cursor, mart)
        known = None
    by_batch = mart.name in BY_BATCH
    is_whole = not by_batch or known is None or known[1] != series
    written = removed = 0
    if not is_whole and known is not None:
        written = _write(release, cursor, mart, known[2])
        is_whole = _measure_lake(release, mart) != _measure_copy(cursor, mart)  # rows have gone
    if is_whole:
        more = _write(release, cursor, mart, None)
        written, removed = written + more, _remove(cursor, mart)
    batch = release.query(f"select coalesce(max(batch_id), 0) from {mart.name}")[1][0][0] if by_batch else 0
    cursor.execute(
        f"insert into {STATE}.publication values (%s, %s, %s, %s, %s, now()) on conflict (mart) do update set "
        "contract = excluded.contract, series = excluded.series, batch_id = excluded.batch_id, "
        "release = excluded.release, published_at = excluded.published_at",
        [mart.name, contract, series, batch, release.tag],
    )
    return Change(mart.name, written, removed, is_whole)


def _postgres_type(data_type: str) -> str:
    return _TYPES.get(data_type) or re.sub(r"^decimal", "numeric", data_type)


def _create(cursor: psycopg.Cursor[Any], mart: Mart) -> None:
    columns = [
        f"{column.name} {_postgres_type(column.data_type)}{' not null' if column.name in mart.key else ''}"
        for column in mart.columns.values()
    ]
    table = f"{SCHEMA}.{mart.name}"
    cursor.execute(f"drop table if exists {table}")
    cursor.execute(f"create table {table} ({', '.join(columns)}, primary key ({', '.join(mart.key)}))")
    cursor.execute(sql.SQL("comment on table {} is {}").format(sql.Identifier(SCHEMA, mart.name), mart.description))
    cursor.execute(f"alter table {table} enable row level security")


def _write(release: Release, cursor: psycopg.Cursor[Any], mart: Mart, after_batch: int | None) -> int:
    """Copy rows to a temporary table, and from there those that are new or differ. Gives their number."""
    names = list(mart.columns)
    staged = [f"{c.name} {_postgres_type(c.data_type).removesuffix(' with time zone')}" for c in mart.columns.values()]
    cursor.execute("drop table if exists pg_temp.incoming")
    cursor.execute(f"create temporary table incoming ({', '.join(staged)}) on commit drop")
    with cursor.copy(f"copy pg_temp.incoming ({', '.join(names)}) from stdin (format binary)") as copy:
        copy.set_types([definition.split(" ", 1)[1].partition("(")[0] for definition in staged])
        for row in _rows(release, mart, after_batch):
            copy.write_row(row)
    cursor.execute("analyze pg_temp.incoming")
    others = [name for name in names if name not in mart.key]
    update = (
        f"update set ({', '.join(others)}) = row({', '.join(f'excluded.{name}' for name in others)}) "
        f"where ({', '.join(f'held.{name}' for name in others)}) is distinct from "
        f"({', '.join(f'excluded.{name}' for name in others)})"
        if others
        else "nothing"
    )
    cursor.execute(
        f"insert into {SCHEMA}.{mart.name} as held ({', '.join(names)}) select {', '.join(names)} "
        f"from pg_temp.incoming on conflict ({', '.join(mart.key)}) do {update}"
    )
    return cursor.rowcount


def _rows(release: Release, mart: Mart, after_batch: int | None) -> Iterator[tuple[Any, ...]]:
    where = "" if after_batch is None else f"where batch_id > {after_batch:d}"
    reading: duckdb.DuckDBPyConnection
    with release.connection.cursor() as reading:
        reading.execute("use lake.published")
        reading.execute(f"select {', '.join(mart.columns)} from {mart.name} {where}")
        while rows := reading.fetchmany(_ROWS):
            yield from rows


def _remove(cursor: psycopg.Cursor[Any], mart: Mart) -> int:
    """Remove what the release, all of which is in the temporary table, no longer holds."""
    same = " and ".join(f"held.{name} = incoming.{name}" for name in mart.key)
    cursor.execute(
        f"delete from {SCHEMA}.{mart.name} as held where not exists (select from pg_temp.incoming where {same})"
    )
    return cursor.rowcount


_MEASURE = "select count(*), coalesce(sum(batch_id), 0) from "


def _measure_lake(release: Release, mart: Mart) -> tuple[int, int]:
    rows, batches = release.query(_MEASURE + mart.name)[1][0]
    return rows, int(batches)


def _measure_copy(cursor: psycopg.Cursor[Any], mart: Mart) -> tuple[int, int]:
    cursor.execute(f"{_MEASURE}{SCHEMA}.{mart.name}")
    rows, batches = cursor.fetchone() or (0, 0)
    return rows, int(batches)


def _grant(cursor: psycopg.Cursor[Any], readers: Sequence[str]) -> None:
    """Let the readers read, and nobody write: grants say which tables, policies which rows (all)."""
    cursor.execute("select rolname from pg_roles where rolname = any(%s)", [list(readers)])
    roles = [role for (role,) in cursor.fetchall()]
    cursor.execute("select tablename from pg_policies where schemaname = %s and policyname = 'read'", [SCHEMA])
    has_policy = {table for (table,) in cursor.fetchall()}
    for role in roles:
        cursor.execute(sql.SQL("grant usage on schema {} to {}").format(sql.Identifier(SCHEMA), sql.Identifier(role)))
    for mart in PUBLISHED:
        table = sql.Identifier(SCHEMA, mart)
        if mart not in has_policy:
            cursor.execute(sql.SQL("create policy read on {} for select using (true)").format(table))
        for role in roles:
            cursor.execute(sql.SQL("grant select on {} to {}").format(table, sql.Identifier(role)))

"""The copy: one transaction that leaves PostgreSQL with one release, touching only the rows that differ."""

import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from serving.api.datasets import DATASETS
from serving.contract import Mart, marts
from serving.health import health
from serving.source import Source
from tickerlake.errors import UserError

SCHEMA = "api"
RELEASE = "release"
STATE = "tickerlake"  # what was published, in a schema that nobody but the publisher reads
PUBLISHED = tuple(sorted({dataset.mart_name for dataset in DATASETS}))
# marts that the protocol writes: a row whose content changed has a newer batch_id. Rows of views can change without.
BY_BATCH = (
    "fct_bar",
    "fct_price_change",
    "fct_moving_average",
    "fct_volume_spike",
    "fct_technical_indicator",
    "fct_daily_bar",
    "fct_daily_indicator",
)
READERS = ("anon", "authenticated")  # Supabase's roles
_TYPES = {"varchar": "text", "timestamp": "timestamp with time zone", "double": "double precision"}
_LOCK = 7_215_031  # of pg_advisory_xact_lock: one publisher at a time


@dataclass(frozen=True, slots=True)
class Change:
    """What a publication did to one table: rows written (new or different), rows removed, whether all were compared."""

    mart: str
    written: int
    removed: int
    is_whole: bool


def database_url() -> str:
    """Give DATABASE_URL. Raises UserError where it is not set."""
    if not (url := os.environ.get("DATABASE_URL")):
        raise UserError("DATABASE_URL is not set: postgresql://user:password@host:5432/database")
    return url


def connect(url: str) -> psycopg.Connection[Any]:
    """Connect to PostgreSQL. Works through a transaction pooler too: it prepares no statements.

    Raises UserError without a word of the address, which holds a password.
    """
    try:
        return psycopg.connect(url, prepare_threshold=None, connect_timeout=20)
    except psycopg.Error as error:
        raise UserError(
            f"PostgreSQL cannot be reached ({type(error).__name__}): check DATABASE_URL, as in "
            "postgresql://user:password@host:5432/database"
        ) from None


def copy(source: Source, readers: Sequence[str] = READERS) -> list[str]:
    """Bring the PostgreSQL of DATABASE_URL to a release; gives a line for each table that changed, and a sum.

    Raises UserError, with nothing changed.
    """
    url = database_url()
    try:
        with connect(url) as connection:
            changes = publish(source, connection, readers)
    except psycopg.Error as error:
        raise UserError(f"PostgreSQL refused: {str(error).splitlines()[0]}") from None
    lines = [f"{c.mart}: {c.written} written, {c.removed} removed" for c in changes if c.written or c.removed]
    touched = sum(change.written + change.removed for change in changes)
    return [*lines, f"release {source.tag}: {len(changes)} tables, {touched} rows touched"]


def publish(source: Source, connection: psycopg.Connection[Any], readers: Sequence[str] = READERS) -> list[Change]:
    """Bring PostgreSQL to a release, in one transaction: readers see the old state or the new, whatever happens.

    `readers` are roles that may read; those that do not exist are passed over.
    """
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute("select pg_advisory_xact_lock(%s)", [_LOCK])
        cursor.execute("set local time zone 'UTC'")  # in which the lake's times, staged without a zone, are read
        _prepare(cursor)
        series = _series(source)
        changes = [_bring(source, cursor, marts()[name], series) for name in PUBLISHED]
        _tell(source, cursor)
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
    cursor.execute(
        f"create table if not exists {SCHEMA}.{RELEASE} "
        "(tag text primary key, published_at timestamp with time zone not null, health jsonb not null)"
    )
    cursor.execute(f"alter table {SCHEMA}.{RELEASE} enable row level security")


def _series(source: Source) -> str:
    """Fingerprint which series are primary: a change of it moves rows in and out without a new batch_id."""
    rows = list(source.rows("select symbol, bar_interval, source from dim_series where is_primary order by 1, 2, 3"))
    return hashlib.sha256(repr(rows).encode()).hexdigest()[:16]


def _bring(source: Source, cursor: psycopg.Cursor[Any], mart: Mart, series: str) -> Change:
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
        written = _write(source, cursor, mart, known[2])
        is_whole = _measure_source(source, mart) != _measure_copy(cursor, mart)  # rows have gone
    if is_whole:
        more = _write(source, cursor, mart, None)
        written, removed = written + more, _remove(cursor, mart)
    ((batch,),) = source.rows(f"select coalesce(max(batch_id), 0) from {mart.name}") if by_batch else ((0,),)
    cursor.execute(
        f"insert into {STATE}.publication values (%s, %s, %s, %s, %s, now()) on conflict (mart) do update set "
        "contract = excluded.contract, series = excluded.series, batch_id = excluded.batch_id, "
        "release = excluded.release, published_at = excluded.published_at",
        [mart.name, contract, series, batch, source.tag],
    )
    return Change(mart.name, written, removed, is_whole)


def _tell(source: Source, cursor: psycopg.Cursor[Any]) -> None:
    """Write which release is held, and its health, in the one row of the table `release`."""
    cursor.execute(f"delete from {SCHEMA}.{RELEASE} where tag <> %s", [source.tag])
    cursor.execute(
        f"insert into {SCHEMA}.{RELEASE} values (%s, %s, %s) on conflict (tag) do nothing",
        [source.tag, source.published_at, Jsonb(health(source))],
    )


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


def _write(source: Source, cursor: psycopg.Cursor[Any], mart: Mart, after_batch: int | None) -> int:
    """Copy rows to a temporary table, and from there those that are new or differ. Gives their number."""
    names = list(mart.columns)
    staged = [f"{c.name} {_postgres_type(c.data_type).removesuffix(' with time zone')}" for c in mart.columns.values()]
    cursor.execute("drop table if exists pg_temp.incoming")
    cursor.execute(f"create temporary table incoming ({', '.join(staged)}) on commit drop")
    with cursor.copy(f"copy pg_temp.incoming ({', '.join(names)}) from stdin (format binary)") as copy:
        copy.set_types([definition.split(" ", 1)[1].partition("(")[0] for definition in staged])
        for row in _rows(source, mart, after_batch):
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


def _rows(source: Source, mart: Mart, after_batch: int | None) -> Iterator[tuple[Any, ...]]:
    where = "" if after_batch is None else f"where batch_id > {after_batch:d}"
    return source.rows(f"select {', '.join(mart.columns)} from {mart.name} {where}")


def _remove(cursor: psycopg.Cursor[Any], mart: Mart) -> int:
    """Remove what the release, all of which is in the temporary table, no longer holds."""
    same = " and ".join(f"held.{name} = incoming.{name}" for name in mart.key)
    cursor.execute(
        f"delete from {SCHEMA}.{mart.name} as held where not exists (select from pg_temp.incoming where {same})"
    )
    return cursor.rowcount


_MEASURE = "select count(*), coalesce(sum(batch_id), 0) from "


def _measure_source(source: Source, mart: Mart) -> tuple[int, int]:
    ((rows, batches),) = source.rows(_MEASURE + mart.name)
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
    for name in (*PUBLISHED, RELEASE):
        table = sql.Identifier(SCHEMA, name)
        if name not in has_policy:
            cursor.execute(sql.SQL("create policy read on {} for select using (true)").format(table))
        for role in roles:
            cursor.execute(sql.SQL("grant select on {} to {}").format(table, sql.Identifier(role)))

"""The copy of a release to PostgreSQL: one transaction, which writes only the rows that differ."""

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
from serving.health import compute_health
from serving.release_source import ReleaseSource
from tickerlake.errors import UserError

SCHEMA = "api"
RELEASE = "release"
STATE = "tickerlake"  # the schema of the publisher's own state, which readers cannot access
PUBLISHED = tuple(sorted({dataset.mart_name for dataset in DATASETS}))
# marts of the incremental protocol: a changed row has a newer batch_id, which does not hold for views
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
_LOCK = 7_215_031  # key of pg_advisory_xact_lock: one publisher at a time


@dataclass(frozen=True, slots=True)
class TableChange:
    """The changes of one table: rows written (new or different), rows removed, and whether every row was compared."""

    mart: str
    written: int
    removed: int
    is_full: bool


def database_url() -> str:
    """Return the environment variable DATABASE_URL. Raises UserError when it is not set."""
    if not (url := os.environ.get("DATABASE_URL")):
        raise UserError("DATABASE_URL is not set: set it to postgresql://user:password@host:5432/database")
    return url


def connect(url: str) -> psycopg.Connection[Any]:
    """Connect to PostgreSQL, without prepared statements so that a transaction pooler works too.

    Raises UserError with a message that leaves out the address, which contains a password.
    """
    try:
        return psycopg.connect(url, prepare_threshold=None, connect_timeout=20)
    except psycopg.Error as error:
        raise UserError(
            f"cannot connect to PostgreSQL: {type(error).__name__}; check DATABASE_URL, as in "
            "postgresql://user:password@host:5432/database"
        ) from None


def copy(source: ReleaseSource, readers: Sequence[str] = READERS) -> list[str]:
    """Copy a release to the PostgreSQL of DATABASE_URL; return a line for each changed table, and a total.

    Raises UserError, with nothing changed.
    """
    url = database_url()
    try:
        with connect(url) as connection:
            changes = publish(source, connection, readers)
    except psycopg.Error as error:
        raise UserError(f"PostgreSQL rejected the copy: {str(error).splitlines()[0]}") from None
    lines = [
        f"{change.mart}: {change.written} written, {change.removed} removed"
        for change in changes
        if change.written or change.removed
    ]
    touched = sum(change.written + change.removed for change in changes)
    return [*lines, f"release {source.tag}: {len(changes)} tables, {touched} rows touched"]


def publish(
    source: ReleaseSource, connection: psycopg.Connection[Any], readers: Sequence[str] = READERS
) -> list[TableChange]:
    """Copy a release to PostgreSQL in one transaction: readers see the old release or the new, also after a crash.

    `readers` are the roles that may read; those that do not exist are skipped.
    """
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute("select pg_advisory_xact_lock(%s)", [_LOCK])
        cursor.execute("set local time zone 'UTC'")  # the zone of staged times, which have none
        _create_schemas(cursor)
        series = _fingerprint_primary_series(source)
        changes = [_sync_table(source, cursor, marts()[name], series) for name in PUBLISHED]
        _write_release(source, cursor)
        _grant(cursor, readers)
    return changes


def _create_schemas(cursor: psycopg.Cursor[Any]) -> None:
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


def _fingerprint_primary_series(source: ReleaseSource) -> str:
    """Return a hash of the primary series: their change adds and removes rows without a new batch_id."""
    rows = list(source.rows("select symbol, bar_interval, source from dim_series where is_primary order by 1, 2, 3"))
    return hashlib.sha256(repr(rows).encode()).hexdigest()[:16]


def _sync_table(source: ReleaseSource, cursor: psycopg.Cursor[Any], mart: Mart, series: str) -> TableChange:
    contract = hashlib.sha256(
        repr([(c.name, c.data_type, c.name in mart.key) for c in mart.columns.values()]).encode()
    ).hexdigest()[:16]
    cursor.execute(f"select contract, series, batch_id from {STATE}.publication where mart = %s", [mart.name])
    previous = cursor.fetchone()
    if previous is None or previous[0] != contract:
        _create_table(cursor, mart)
        previous = None
    is_by_batch = mart.name in BY_BATCH
    is_full = not is_by_batch or previous is None or previous[1] != series
    written = removed = 0
    if not is_full and previous is not None:
        written = _upsert(source, cursor, mart, previous[2])
        is_full = _count_source(source, mart) != _count_copy(cursor, mart)  # rows were removed
    if is_full:
        written += _upsert(source, cursor, mart, None)
        removed = _delete_missing(cursor, mart)
    ((batch,),) = source.rows(f"select coalesce(max(batch_id), 0) from {mart.name}") if is_by_batch else ((0,),)
    cursor.execute(
        f"insert into {STATE}.publication values (%s, %s, %s, %s, %s, now()) on conflict (mart) do update set "
        "contract = excluded.contract, series = excluded.series, batch_id = excluded.batch_id, "
        "release = excluded.release, published_at = excluded.published_at",
        [mart.name, contract, series, batch, source.tag],
    )
    return TableChange(mart.name, written, removed, is_full)


def _write_release(source: ReleaseSource, cursor: psycopg.Cursor[Any]) -> None:
    """Write the tag and the health of the release into the only row of the table `release`."""
    cursor.execute(f"delete from {SCHEMA}.{RELEASE} where tag <> %s", [source.tag])
    cursor.execute(
        f"insert into {SCHEMA}.{RELEASE} values (%s, %s, %s) on conflict (tag) do nothing",
        [source.tag, source.published_at, Jsonb(compute_health(source))],
    )


def _postgres_type(data_type: str) -> str:
    return _TYPES.get(data_type) or re.sub(r"^decimal", "numeric", data_type)


def _create_table(cursor: psycopg.Cursor[Any], mart: Mart) -> None:
    columns = [
        f"{column.name} {_postgres_type(column.data_type)}{' not null' if column.name in mart.key else ''}"
        for column in mart.columns.values()
    ]
    table = f"{SCHEMA}.{mart.name}"
    cursor.execute(f"drop table if exists {table}")
    cursor.execute(f"create table {table} ({', '.join(columns)}, primary key ({', '.join(mart.key)}))")
    cursor.execute(sql.SQL("comment on table {} is {}").format(sql.Identifier(SCHEMA, mart.name), mart.description))
    cursor.execute(f"alter table {table} enable row level security")


def _upsert(source: ReleaseSource, cursor: psycopg.Cursor[Any], mart: Mart, after_batch: int | None) -> int:
    """Stage rows in a temporary table, write those that are new or differ, and return their number.

    `after_batch` limits the rows to newer batches; None stages every row.
    """
    names = list(mart.columns)
    staged = [f"{c.name} {_postgres_type(c.data_type).removesuffix(' with time zone')}" for c in mart.columns.values()]
    cursor.execute("drop table if exists pg_temp.incoming")
    cursor.execute(f"create temporary table incoming ({', '.join(staged)}) on commit drop")
    with cursor.copy(f"copy pg_temp.incoming ({', '.join(names)}) from stdin (format binary)") as copy:
        copy.set_types([definition.split(" ", 1)[1].partition("(")[0] for definition in staged])
        for row in _read_rows(source, mart, after_batch):
            copy.write_row(row)
    cursor.execute("analyze pg_temp.incoming")
    others = [name for name in names if name not in mart.key]
    update = (
        f"update set ({', '.join(others)}) = row({', '.join(f'excluded.{name}' for name in others)}) "
        f"where ({', '.join(f'target.{name}' for name in others)}) is distinct from "
        f"({', '.join(f'excluded.{name}' for name in others)})"
        if others
        else "nothing"
    )
    cursor.execute(
        f"insert into {SCHEMA}.{mart.name} as target ({', '.join(names)}) select {', '.join(names)} "
        f"from pg_temp.incoming on conflict ({', '.join(mart.key)}) do {update}"
    )
    return cursor.rowcount


def _read_rows(source: ReleaseSource, mart: Mart, after_batch: int | None) -> Iterator[tuple[Any, ...]]:
    where = "" if after_batch is None else f"where batch_id > {after_batch:d}"
    return source.rows(f"select {', '.join(mart.columns)} from {mart.name} {where}")


def _delete_missing(cursor: psycopg.Cursor[Any], mart: Mart) -> int:
    """Delete the rows that are not in the temporary table, which contains every row of the release."""
    same = " and ".join(f"target.{name} = incoming.{name}" for name in mart.key)
    cursor.execute(
        f"delete from {SCHEMA}.{mart.name} as target where not exists (select from pg_temp.incoming where {same})"
    )
    return cursor.rowcount


_COUNT = "select count(*), coalesce(sum(batch_id), 0) from "


def _count_source(source: ReleaseSource, mart: Mart) -> tuple[int, int]:
    ((rows, batches),) = source.rows(_COUNT + mart.name)
    return rows, int(batches)


def _count_copy(cursor: psycopg.Cursor[Any], mart: Mart) -> tuple[int, int]:
    cursor.execute(f"{_COUNT}{SCHEMA}.{mart.name}")
    rows, batches = cursor.fetchone() or (0, 0)
    return rows, int(batches)


def _grant(cursor: psycopg.Cursor[Any], readers: Sequence[str]) -> None:
    """Let the readers read every row, and no role but the owner write."""
    cursor.execute("select rolname from pg_roles where rolname = any(%s)", [list(readers)])
    roles = [role for (role,) in cursor.fetchall()]
    cursor.execute("select tablename from pg_policies where schemaname = %s and policyname = 'read'", [SCHEMA])
    tables_with_policy = {table for (table,) in cursor.fetchall()}
    for role in roles:
        cursor.execute(sql.SQL("grant usage on schema {} to {}").format(sql.Identifier(SCHEMA), sql.Identifier(role)))
    for name in (*PUBLISHED, RELEASE):
        table = sql.Identifier(SCHEMA, name)
        if name not in tables_with_policy:
            cursor.execute(sql.SQL("create policy read on {} for select using (true)").format(table))
        for role in roles:
            cursor.execute(sql.SQL("grant select on {} to {}").format(table, sql.Identifier(role)))

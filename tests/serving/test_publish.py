"""PostgreSQL contains one release, only changed rows are written, and readers can only read."""

import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest

from serving.api.store import LakeStore
from serving.publish import postgres
from serving.publish.__main__ import main
from tests.serving.published_lake import PublishedLake, bar
from tickerlake import lake as lakes
from tickerlake.errors import UserError

pytestmark = [pytest.mark.slow, pytest.mark.loopback]
Connection = psycopg.Connection[Any]


def rows(connection: Connection, statement: str) -> list[Any]:
    return connection.execute(statement).fetchall()


def publish(lake: PublishedLake, connection: Connection) -> dict[str, postgres.TableChange]:
    return {change.mart: change for change in postgres.publish(LakeStore(lake.folder).release(), connection)}


def test_the_copy_equals_the_release_and_times_keep_their_zone(
    published_lake: PublishedLake, database: Connection
) -> None:
    database.execute("set time zone 'America/New_York'")
    changes = publish(published_lake, database)
    assert changes["fct_bar"].written == 10
    at, close, volume, is_final = rows(
        database,
        "select bar_start_at, close, volume, is_final from api.fct_bar where symbol = 'TSLA' order by 1 limit 1",
    )[0]
    assert at == datetime(2024, 6, 7, 14, 0, tzinfo=UTC)
    assert (close, volume, is_final) == (Decimal("100"), Decimal("1000"), True)
    assert rows(database, "select pg_typeof(bar_start_at)::text from api.fct_bar limit 1") == [
        ("timestamp with time zone",)
    ]


def test_the_same_release_again_writes_no_row(published_lake: PublishedLake, database: Connection) -> None:
    publish(published_lake, database)
    before = rows(database, "select ctid, xmin, symbol, bar_start_at from api.fct_bar order by 3, 4")
    again = publish(published_lake, database)
    assert {(change.written, change.removed) for change in again.values()} == {(0, 0)}
    assert not again["fct_bar"].is_full
    assert rows(database, "select ctid, xmin, symbol, bar_start_at from api.fct_bar order by 3, 4") == before


def test_only_rows_of_newer_batches_are_read_and_only_different_ones_written(
    published_lake: PublishedLake, database: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(published_lake, database)
    with published_lake.connect() as lake:
        lake.execute(
            "update lake.published.fct_bar set close = 7, batch_id = 2 "
            "where symbol = 'TSLA' and bar_start_at = '2024-06-07 14:03:00'"
        )
    published_lake.add("fct_bar", [bar("TSLA", 40, batch_id=2)])
    published_lake.publish(monkeypatch)
    change = publish(published_lake, database)["fct_bar"]
    assert (change.written, change.removed, change.is_full) == (2, 0, False)
    assert rows(
        database, "select close::int from api.fct_bar where bar_start_at = '2024-06-07 14:03Z' and symbol = 'TSLA'"
    ) == [(7,)]


def test_rows_removed_from_the_release_are_removed_from_the_copy(
    published_lake: PublishedLake, database: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(published_lake, database)
    with published_lake.connect() as lake:
        lake.execute("delete from lake.published.fct_bar where symbol = 'BRK.B'")
        lake.execute("delete from lake.published.dim_symbol where symbol = 'BRK.B'")
    published_lake.publish(monkeypatch)
    changes = publish(published_lake, database)
    assert (changes["fct_bar"].removed, changes["fct_bar"].is_full) == (3, True)
    assert changes["dim_symbol"].removed == 1
    assert rows(database, "select distinct symbol from api.fct_bar") == [("TSLA",)]


def test_a_change_of_primary_series_compares_the_whole_table(
    published_lake: PublishedLake, database: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(published_lake, database)
    with published_lake.connect() as lake:  # as many rows of the same batches, of another source
        lake.execute("update lake.published.fct_bar set source = 'other'")
    series = {"symbol": "TSLA", "bar_interval": "1min", "source": "other", "is_primary": True}
    published_lake.add("dim_series", [series])
    published_lake.publish(monkeypatch)
    change = publish(published_lake, database)["fct_bar"]
    assert (change.written, change.removed, change.is_full) == (10, 10, True)


def test_readers_can_read_and_not_write(published_lake: PublishedLake, database: Connection) -> None:
    publish(published_lake, database)
    database.execute("set role anon")
    assert rows(database, "select count(*) from api.fct_bar") == [(10,)]
    for statement in (
        "delete from api.fct_bar",
        "insert into api.dim_symbol (symbol) values ('X')",
        "select * from tickerlake.publication",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            database.execute(statement)
    database.execute("reset role")
    tables = "select relname from pg_class where relnamespace = 'api'::regnamespace and relkind = 'r'"
    assert rows(database, f"{tables} and not relrowsecurity") == []
    database.execute("drop policy read on api.fct_bar")
    database.execute("set role anon")
    assert rows(database, "select count(*) from api.fct_bar") == [(0,)], "no policy, no row"
    database.execute("reset role")
    database.execute("revoke select on api.fct_bar from anon")
    database.execute("set role anon")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        database.execute("select count(*) from api.fct_bar")
    database.execute("reset role")
    publish(published_lake, database)  # restores both
    database.execute("set role anon")
    assert rows(database, "select count(*) from api.fct_bar") == [(10,)]
    database.execute("reset role")


def test_a_killed_publisher_leaves_the_previous_release(
    published_lake: PublishedLake, database: Connection, postgres_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(published_lake, database)
    published_lake.add("fct_bar", [bar("TSLA", 41, batch_id=2)])
    published_lake.add("v_daily_bar_adjusted", [{"symbol": "TSLA", "source": "yahoo", "session_date": "2024-06-07"}])
    published_lake.publish(monkeypatch)
    with psycopg.connect(postgres_server) as holder:
        holder.execute(
            "lock table api.v_daily_bar_adjusted"
        )  # the last table: the publisher has written others before it
        publisher = subprocess.Popen(
            [sys.executable, "-m", "serving.publish", "--lake", str(published_lake.folder)],
            cwd=lakes.PROJECT,
            env=os.environ | {"DATABASE_URL": postgres_server, "TICKERLAKE_EXTENSIONS": str(lakes.extensions())},
        )
        waiting = (
            "select count(*) from pg_stat_activity "
            "where wait_event_type = 'Lock' and query like '%v_daily_bar_adjusted%'"
        )
        for _ in range(600):
            if rows(database, waiting) == [(1,)]:
                break
            time.sleep(0.1)
        else:
            pytest.fail("the publisher did not reach the last table")
        publisher.kill()
        publisher.wait()
        holder.rollback()
    assert rows(database, "select count(*) from api.fct_bar") == [(10,)]
    assert rows(database, "select count(*) from api.v_daily_bar_adjusted") == [(0,)]
    changes = publish(published_lake, database)
    assert (changes["fct_bar"].written, changes["v_daily_bar_adjusted"].written) == (1, 1)


def test_a_changed_contract_recreates_the_table(published_lake: PublishedLake, database: Connection) -> None:
    publish(published_lake, database)
    database.execute("update tickerlake.publication set contract = 'older' where mart = 'fct_bar'")
    assert publish(published_lake, database)["fct_bar"].written == 10
    database.execute("set role anon")
    assert rows(database, "select count(*) from api.fct_bar") == [(10,)]
    database.execute("reset role")


@pytest.mark.parametrize("url", ["postgresql://u:s3cret@127.0.0.1:1/db", "postgres//u:s3cret@host", "host='s3cret"])
def test_a_wrong_address_gives_one_line_without_the_password(
    published_lake: PublishedLake, url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    assert main(["--lake", str(published_lake.folder)]) == 2
    message = capsys.readouterr().err
    assert message.startswith("error: cannot connect to PostgreSQL")
    assert "s3cret" not in message
    with pytest.raises(UserError) as raised:
        postgres.connect(url)
    assert raised.value.__cause__ is None


@pytest.fixture
def published_lake(published: PublishedLake) -> PublishedLake:
    return published


@pytest.fixture(autouse=True)
def _extensions(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("PGPASSWORD", raising=False)

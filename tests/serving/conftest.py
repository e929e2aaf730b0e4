"""A published lake made from the contracts alone, without dbt: two symbols, a few bars, in seconds' fractions."""

import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pytest
from starlette.testclient import TestClient

from pipeline.build import publish_catalogue
from serving.api.app import create_app
from serving.api.store import LakeStore
from serving.contract import marts
from testkit.lake import Lake
from tickerlake import lake as lakes


class PublishedLake:
    """A lake whose published tables are filled by hand; `publish` moves readers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def create(self) -> None:
        (self.folder / "warehouse").mkdir(parents=True)
        with self.connect() as connection:
            connection.execute("begin; create schema lake.published")
            for mart in marts().values():
                columns = ", ".join(f"{column.name} {column.data_type}" for column in mart.columns.values())
                connection.execute(f"create table lake.published.{mart.name} ({columns})")
            connection.execute("commit")

    @contextmanager
    def connect(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with duckdb.connect(config={"extension_directory": str(lakes.extensions())}) as connection:
            for statement in lakes.attach_statements(self.folder, lakes.CATALOG, is_read_only=False):
                connection.execute(statement)
            yield connection

    def add(self, mart: str, rows: Iterable[dict[str, Any]]) -> None:
        with self.connect() as connection:
            for row in rows:
                names, marks = ", ".join(row), ", ".join("?" * len(row))
                connection.execute(f"insert into lake.published.{mart} ({names}) values ({marks})", list(row.values()))

    def publish(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TICKERLAKE_LAKE", str(self.folder))
        publish_catalogue()


def bar(symbol: str, minute: int, close: float = 100, **fields: Any) -> dict[str, Any]:
    return {
        "symbol": symbol,
        "bar_interval": "1min",
        "source": "yahoo",
        "bar_start_at": f"2024-06-07 14:{minute:02d}:00",
        "bar_date": "2024-06-07",
        "session": "regular",
        **dict.fromkeys(("open", "high", "low", "close"), close),
        "volume": 1_000,
        "is_final": True,
        "batch_id": 1,
        **fields,
    }


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> PublishedLake:
    """The lake as every test finds it; to be read only."""
    lake = PublishedLake(tmp_path_factory.mktemp("sample") / "lake")
    lake.create()
    lake.add("dim_symbol", [{"symbol": "TSLA"}, {"symbol": "BRK.B"}])
    lake.add("fct_bar", [bar("TSLA", minute, 100 + minute / 8) for minute in range(7)])
    lake.add("fct_bar", [bar("BRK.B", minute) for minute in range(3)])
    with pytest.MonkeyPatch.context() as patch:
        lake.publish(patch)
    return lake


@pytest.fixture(scope="session")
def reader(sample: PublishedLake) -> TestClient:
    """A client of the lake that stays as it is."""
    return TestClient(create_app(LakeStore(sample.folder)), raise_server_exceptions=False)


@pytest.fixture
def published(sample: PublishedLake, tmp_path: Path) -> PublishedLake:
    """A copy of the lake, for one test to change."""
    shutil.copytree(sample.folder, tmp_path / "lake")
    return PublishedLake(tmp_path / "lake")


@pytest.fixture
def client(published: PublishedLake) -> TestClient:
    """A client of the copy."""
    return TestClient(create_app(LakeStore(published.folder)), raise_server_exceptions=False)


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake that the pipeline itself has built from simulated bars."""
    folder = tmp_path_factory.mktemp("served") / "lake"
    environment = Lake(folder).environment()
    for arguments in (["loader", "simulate", "--symbols", "TSLA,NVDA", "--history", "40"], ["pipeline", "build"]):
        subprocess.run(
            [sys.executable, "-m", *arguments], cwd=lakes.PROJECT, env=environment, check=True, capture_output=True
        )
    return folder


@pytest.fixture
def database(postgres_server: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute("drop schema if exists api cascade")
        connection.execute("drop schema if exists tickerlake cascade")
        connection.execute(
            "do $$ begin if not exists (select from pg_roles where rolname = 'anon') "
            "then create role anon; end if; end $$"
        )
        yield connection

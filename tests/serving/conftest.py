"""Published lakes, clients of the API over them, and a database for the copy."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from starlette.testclient import TestClient

from serving.api.app import create_app
from serving.api.store import LakeStore
from testkit.lake import Lake
from tests.serving.published_lake import PublishedLake, bar
from tickerlake import lake as lakes


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> PublishedLake:
    """A lake with two symbols and ten bars, shared by the session: tests must not change it."""
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
    """A client of the shared lake."""
    return TestClient(create_app(LakeStore(sample.folder)), raise_server_exceptions=False)


@pytest.fixture
def published(sample: PublishedLake, tmp_path: Path) -> PublishedLake:
    """A copy of the shared lake that a test may change."""
    shutil.copytree(sample.folder, tmp_path / "lake")
    return PublishedLake(tmp_path / "lake")


@pytest.fixture
def client(published: PublishedLake) -> TestClient:
    """A client of the copy."""
    return TestClient(create_app(LakeStore(published.folder)), raise_server_exceptions=False)


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake that the pipeline has built from simulated bars."""
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

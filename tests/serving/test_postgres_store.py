"""The API over PostgreSQL responds as it does over the lake, and never shows the password."""

from pathlib import Path
from typing import Any

import psycopg
import pytest
from starlette.testclient import TestClient

from serving.api import postgres as stores
from serving.api.__main__ import main
from serving.api.app import create_app
from serving.api.datasets import DATASETS
from serving.api.postgres import PostgresStore
from serving.api.store import LakeStore
from serving.publish import postgres
from tests.serving.published_lake import PublishedLake, bar

pytestmark = [pytest.mark.slow, pytest.mark.loopback]
Connection = psycopg.Connection[Any]


def pages(client: TestClient, address: str, max_pages: int) -> list[dict[str, Any]]:
    """Pages by following cursors, without the release, which differs between stores."""
    responses: list[dict[str, Any]] = []
    cursor = ""
    while cursor is not None and len(responses) < max_pages:
        page = client.get(f"{address}&cursor={cursor}").json()
        cursor = page.pop("next_cursor")
        page.pop("release")
        responses.append(page)
    return responses


def clients_of_both(lake: Path, postgres_server: str) -> tuple[TestClient, TestClient]:
    return TestClient(create_app(LakeStore(lake))), TestClient(create_app(PostgresStore(postgres_server)))


@pytest.mark.usefixtures("database")
def test_every_response_equals_that_of_the_lake(
    demo: Path, postgres_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", postgres_server)
    postgres.copy(LakeStore(demo).release())
    lake, copy = clients_of_both(demo, postgres_server)
    rows = 0
    for dataset in DATASETS:
        for order in ("asc", "desc") if dataset.time else ("",):
            interval = "&interval=1min" if dataset.time == "bar_start_at" else ""
            address = f"/v1/{dataset.path}?limit=7{f'&order={order}' if order else ''}{interval}"
            expected = pages(lake, address, 3)
            assert pages(copy, address, 3) == expected, address
            rows += sum(page["count"] for page in expected)
    assert rows > 300
    narrow = (
        "/v1/bars?symbol=TSLA,NVDA&interval=5min&session=regular&from=2024-06-10T14:00:00Z&to=2024-06-13&format=csv"
    )
    assert copy.get(narrow).text == lake.get(narrow).text
    assert copy.get(narrow).text.count("\n") > 50
    for name in lake.get("/v1/questions").json():
        ours, theirs = (client.get(f"/v1/questions/{name}").json() for client in (copy, lake))
        assert ours == theirs, name
    assert copy.get("/v1/health").json() == lake.get("/v1/health").json()
    assert copy.get("/v1/bars?symbol=TSLA").headers["etag"] == lake.get("/v1/bars?symbol=TSLA").headers["etag"]


def test_responses_are_cached_until_the_next_release(
    published: PublishedLake, database: Connection, postgres_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stores, "_MAX_AGE_SECONDS", 3_600.0)
    postgres.publish(LakeStore(published.folder).release(), database)
    client = TestClient(create_app(PostgresStore(postgres_server)))
    client.get("/v1/symbols")
    before = client.get("/v1/bars").json()
    assert before["count"] == 10
    database.execute("delete from api.fct_bar where symbol = 'BRK.B'")
    assert client.get("/v1/bars").json() == before, "cached while the release is the same"
    published.add("fct_bar", [bar("TSLA", 40, batch_id=2)])
    published.publish(monkeypatch)
    postgres.publish(LakeStore(published.folder).release(), database)
    monkeypatch.setattr(stores, "_MAX_AGE_SECONDS", 0.0)
    after = client.get("/v1/bars").json()
    assert (after["count"], after["release"] != before["release"]) == (11, True)


def test_a_reading_role_is_enough_and_can_write_nothing(
    published: PublishedLake, database: Connection, postgres_server: str
) -> None:
    postgres.publish(LakeStore(published.folder).release(), database)
    reader = f"{postgres_server}{'&' if '?' in postgres_server else '?'}options=-c%20role%3Danon"
    store = PostgresStore(reader)
    assert TestClient(create_app(store)).get("/v1/bars").json()["count"] == 10
    for role in (store, PostgresStore(postgres_server)):  # the owner's connection can write nothing, either
        for statement in ("delete from fct_bar", "create table x (a integer)", "from read_text('/etc/hostname')"):
            with pytest.raises(Exception, match=r"(?i)permission|read-only|cannot"):
                role.release().query(statement)


@pytest.mark.usefixtures("database")
def test_before_the_first_copy_the_api_is_unavailable(postgres_server: str) -> None:
    client = TestClient(create_app(PostgresStore(postgres_server)), raise_server_exceptions=False)
    assert [client.get(path).status_code for path in ("/v1/bars", "/v1/health", "/openapi.json")] == [503, 503, 200]


def test_an_unreachable_database_makes_the_api_unavailable_and_its_password_stays_secret(
    published: PublishedLake,
    database: Connection,
    postgres_server: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(stores, "_MAX_AGE_SECONDS", 0.0)
    postgres.publish(LakeStore(published.folder).release(), database)
    store = PostgresStore(postgres_server)
    client = TestClient(create_app(store), raise_server_exceptions=False)
    assert client.get("/v1/bars").status_code == 200
    store._url = "postgresql://u:s3cret@127.0.0.1:1/db"
    response = client.get("/v1/bars?limit=3")
    assert (response.status_code, "s3cret" in response.text + caplog.text) == (503, False)
    monkeypatch.setattr(PostgresStore, "_fetch_row", lambda _: ("tag", "", {}))
    response = TestClient(create_app(PostgresStore(store._url)), raise_server_exceptions=False).get("/v1/bars")
    assert (response.status_code, "s3cret" in response.text + caplog.text) == (503, False)


def test_the_command_names_the_missing_variable(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    assert main(["--postgres", "--port", "0"]) == 2
    assert "DATABASE_URL is not set" in capsys.readouterr().err

"""The API gives what is published, page by page, and refuses the rest by name."""

import base64
import csv
import gzip
import io
import json
import re
import socket
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from pipeline.build import build
from pipeline.dbt import Dbt
from serving.api import __main__ as command
from serving.api.app import create_app
from serving.api.datasets import DATASETS
from serving.api.front import Buckets, Memory, _Kept
from serving.api.store import LakeStore
from serving.contract import marts
from testkit import lake as test_lakes
from tests.serving.conftest import PublishedLake, bar
from tickerlake import lake as lakes

INJECTIONS = (
    "'; drop table fct_bar; --",
    "TSLA' or '1'='1",
    "TSLA) union select line from quarantined_record --",
    "../../etc/passwd",
    "%2e%2e/%2e%2e/etc/passwd",
    "\x00",
    "read_text('/etc/passwd')",
    "\N{MATHEMATICAL DOUBLE-STRUCK CAPITAL T}SLA",
)


def pages(client: TestClient, address: str) -> list[dict[str, Any]]:
    found, cursor = [], ""
    while True:
        page = client.get(f"{address}&cursor={cursor}").json()
        found.append(page)
        cursor = page["next_cursor"]
        if not cursor:
            return found


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_pages_give_every_row_once_and_in_order(reader: TestClient, order: str) -> None:
    found = pages(reader, f"/v1/bars?limit=3&order={order}")
    keys = [
        key for page in found for key in zip(page["columns"]["bar_start_at"], page["columns"]["symbol"], strict=True)
    ]
    assert [page["count"] for page in found] == [3, 3, 3, 1]
    assert len(set(keys)) == 10
    assert keys == sorted(keys, reverse=order == "desc")


@pytest.mark.slow
def test_a_page_goes_on_behind_its_last_row_when_earlier_rows_arrive(
    client: TestClient, published: PublishedLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = client.get("/v1/bars?symbol=TSLA&limit=3").json()
    published.add("fct_bar", [bar("TSLA", 0, bar_start_at="2024-06-07 13:59:00")])
    published.publish(monkeypatch)
    second = client.get(f"/v1/bars?symbol=TSLA&limit=9&cursor={first['next_cursor']}").json()
    assert second["columns"]["bar_start_at"] == [f"2024-06-07T14:{minute:02d}:00Z" for minute in range(3, 7)]


def test_filters_hold_symbols_times_sessions_and_columns(reader: TestClient) -> None:
    address = (
        "/v1/bars?symbol=tsla&from=2024-06-07T10:02:00-04:00&to=2024-06-07T14:04:00Z&columns=symbol,bar_start_at,close"
    )
    assert reader.get(address).json()["columns"] == {
        "symbol": ["TSLA", "TSLA"],
        "bar_start_at": ["2024-06-07T14:02:00Z", "2024-06-07T14:03:00Z"],
        "close": [100.25, 100.375],
    }
    assert reader.get("/v1/bars?session=post").json()["count"] == 0
    assert reader.get("/v1/bars?symbol=BRK.B,TSLA&session=regular").json()["count"] == 10


def test_an_answer_names_its_time_zone_its_release_and_hides_lineage(reader: TestClient) -> None:
    answer = reader.get("/v1/bars?limit=1")
    assert answer.headers["tickerlake-time-zone"] == answer.json()["time_zone"] == "UTC"
    assert answer.headers["etag"] == f'W/"{answer.json()["release"]}"'
    assert "source_object" not in answer.json()["columns"]
    assert "source_object" in reader.get("/v1/bars?columns=source_object").json()["columns"]


def test_comma_separated_values_equal_the_json(reader: TestClient) -> None:
    columns = reader.get("/v1/bars?columns=bar_start_at,close,is_final,split_factor&limit=4").json()["columns"]
    answer = reader.get("/v1/bars?columns=bar_start_at,close,is_final,split_factor&limit=4&format=csv")
    header, *rows = csv.reader(io.StringIO(answer.text))
    assert header == list(columns)
    assert rows == [
        [at, str(close), "true", ""] for at, close in zip(columns["bar_start_at"], columns["close"], strict=True)
    ]
    assert answer.headers["tickerlake-next-cursor"] == reader.get("/v1/bars?limit=4").json()["next_cursor"]


def test_what_is_not_finite_is_null(
    client: TestClient, published: PublishedLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = {"bar_interval": "1min", "source": "yahoo", "bar_start_at": "2024-06-07 14:00:00"}
    published.add("fct_price_change", [{"symbol": "TSLA", "price_change_pct": float("nan"), **at}])
    published.publish(monkeypatch)
    assert client.get("/v1/price-changes").json()["columns"]["price_change_pct"] == [None]


def test_an_answer_is_kept_until_the_next_release(
    client: TestClient, published: PublishedLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = client.get("/v1/bars")
    again = client.get("/v1/bars", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get("/v1/bars").content == first.content
    published.add("fct_bar", [bar("TSLA", 30)])
    assert client.get("/v1/bars").content == first.content, "what is not published does not show"
    published.publish(monkeypatch)
    moved = client.get("/v1/bars", headers={"If-None-Match": first.headers["etag"]})
    assert (moved.status_code, moved.json()["count"]) == (200, 11)


def test_an_answer_is_packed_for_those_who_can_read_it(reader: TestClient) -> None:
    for _ in range(2):  # as it is made, and from memory
        packed = reader.get("/v1/bars", headers={"Accept-Encoding": "gzip"})
        plain = reader.get("/v1/bars", headers={"Accept-Encoding": "identity"})
        assert packed.headers["content-encoding"] == "gzip"
        assert "content-encoding" not in plain.headers
        assert packed.json() == plain.json()
        assert packed.headers["vary"] == "accept-encoding"


@pytest.mark.parametrize(
    ("address", "status", "named"),
    [
        ("/v1/bars?symbol=NOPE", 404, "NOPE"),
        ("/v1/bars?interval=2min", 422, "2min"),
        ("/v1/bars?limit=0", 422, "limit '0'"),
        ("/v1/bars?limit=20001", 422, "20001"),
        ("/v1/bars?from=2024-06-07T14:00:00", 422, "from '2024-06-07T14:00:00'"),
        ("/v1/bars?from=2024-02-31", 422, "2024-02-31"),
        ("/v1/bars?from=2020-01-01&to=2024-01-01", 422, "400 days"),
        ("/v1/daily/bars?from=yesterday", 422, "yesterday"),
        ("/v1/bars?columns=close,password", 422, "columns 'password'"),
        ("/v1/bars?cursor=AAAA", 422, "cursor 'AAAA'"),
        ("/v1/bars?cursor=WyJ4Il0=", 422, "WyJ4Il0="),
        ("/v1/bars?unknown=1", 422, "unknown '1'"),
        ("/v1/bars?symbol=" + ",".join(f"A{n}" for n in range(21)), 422, "20"),
        ("/v1/bars?symbol=" + "A" * 5_000, 414, "4096"),
        ("/v1/nothing", 404, "/v1/nothing"),
        ("/v1/questions/unknown", 422, "unknown"),
    ],
)
def test_a_refusal_names_the_value(reader: TestClient, address: str, status: int, named: str) -> None:
    answer = reader.get(address)
    assert answer.status_code == answer.json()["status"] == status
    assert named in answer.json()["detail"]
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    assert reader.get(address).status_code == status


@pytest.mark.parametrize("text", INJECTIONS)
@pytest.mark.parametrize(
    "name", ["symbol", "interval", "from", "to", "cursor", "columns", "session", "order", "format"]
)
def test_no_parameter_reaches_the_query_as_sql(reader: TestClient, name: str, text: str) -> None:
    answer = reader.get("/v1/bars", params={name: text})
    assert answer.status_code in (404, 422)
    assert "root:" not in answer.text
    assert reader.get("/v1/bars").json()["count"] == 10


@pytest.mark.parametrize(
    "path", ["/static/../app.py", "/static/%2e%2e/app.py", "/v1/questions/..%2f..%2fREADME", "/static//etc/passwd"]
)
def test_no_path_leaves_the_static_files(reader: TestClient, path: str) -> None:
    assert reader.get(path).status_code in (404, 422)


def test_the_connection_itself_reads_the_lake_only_and_writes_nothing(published: PublishedLake) -> None:
    release = LakeStore(published.folder).release()
    for statement in (
        "select * from read_text('/etc/hostname')",
        "delete from fct_bar",
        "set enable_external_access = true",
    ):
        with pytest.raises(Exception, match=r"(?i)permission|read-only|cannot"):
            release.query(statement)


def test_before_the_first_release_it_says_what_to_run(tmp_path: Path) -> None:
    client = TestClient(create_app(LakeStore(tmp_path)), raise_server_exceptions=False)
    for path in ("/v1/bars", "/v1/health", "/v1/questions/1_volume"):
        answer = client.get(path)
        assert answer.status_code == 503
        assert "make build" in answer.json()["detail"]
        assert str(tmp_path) not in answer.text
    assert client.get("/openapi.json").status_code == 200


def test_answers_are_not_held_back_by_nagles_algorithm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """asyncio switches it off on what a socket accepts only where that socket says that it speaks TCP."""
    listening: list[tuple[str, int]] = []

    def run(server: object, sockets: list[socket.socket]) -> None:
        listening.extend((one.getsockname()[0], one.proto) for one in sockets)

    monkeypatch.setattr("serving.api.__main__.uvicorn.Server.run", run)
    assert command.main(["--lake", str(tmp_path), "--port", "0"]) == 0
    assert listening == [("127.0.0.1", socket.IPPROTO_TCP)]


def test_it_answers_as_a_function_behind_an_address(published: PublishedLake, monkeypatch: pytest.MonkeyPatch) -> None:
    from serving.api import handler

    monkeypatch.setenv("DATABASE_URL_SECRET", "ssm:/a/database")
    monkeypatch.setattr(handler, "fetch_secret", {"ssm:/a/database": str(published.folder)}.__getitem__)
    monkeypatch.setattr(handler, "PostgresStore", lambda address: LakeStore(Path(address)))
    handler._application.cache_clear()

    def ask(path: str, query: str = "", **headers: str) -> dict[str, Any]:
        http = {"method": "GET", "path": path, "protocol": "HTTP/1.1", "sourceIp": "203.0.113.1", "userAgent": "x"}
        return handler.lambda_handler(
            {
                "version": "2.0",
                "rawPath": path,
                "rawQueryString": query,
                "headers": {"host": "api.example", **headers},
                "requestContext": {"http": http, "domainName": "api.example"},
                "isBase64Encoded": False,
            },
            None,
        )

    plain = ask("/v1/bars", "symbol=TSLA&limit=5")
    assert (plain["statusCode"], json.loads(plain["body"])["count"]) == (200, 5)
    packed = ask("/v1/bars", "symbol=TSLA&limit=5", **{"accept-encoding": "gzip"})
    assert gzip.decompress(base64.b64decode(packed["body"])).decode() == plain["body"]
    assert ask("/v1/bars", "symbol=TSLA&limit=5", **{"if-none-match": plain["headers"]["etag"]})["statusCode"] == 304
    assert "<title>" in ask("/")["body"]
    refused = ask("/v1/bars", "symbol=" + "X" * 5_000)
    assert (refused["statusCode"], json.loads(refused["body"])["title"]) == (414, "Address too long")
    handler._application.cache_clear()


def test_a_client_that_asks_too_often_is_told_when_to_come_back(published: PublishedLake) -> None:
    client = TestClient(create_app(LakeStore(published.folder), rate=0.5))
    statuses = [client.get("/v1/symbols").status_code for _ in range(4)]
    assert statuses == [200, 200, 429, 429]
    refused = client.get("/v1/symbols")
    assert int(refused.headers["retry-after"]) >= 1
    assert refused.json()["title"] == "Too many requests"


def test_buckets_are_of_one_client_each_and_fill_again(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("serving.api.front.time.monotonic", lambda: now[0])
    buckets = Buckets(1)
    assert [buckets.wait("a") for _ in range(5)] == [0, 0, 0, 0, 1]
    assert buckets.wait("b") == 0
    now[0] = 1.0
    assert [buckets.wait("a"), buckets.wait("a")] == [0, 1]


def test_memory_stays_within_its_limit_and_drops_what_is_used_least() -> None:
    memory = Memory(100)
    memory.get("r1", ("x", b""))
    for name in "abc":
        memory.keep("r1", (name, b""), _Kept(b"", b"." * 40))
        memory.get("r1", ("a", b""))
    assert [name for name, _ in memory.answers] == ["c", "a"]
    assert memory.size == 80
    memory.keep("r0", ("late", b""), _Kept(b"", b"."))
    assert memory.get("r2", ("a", b"")) is None, "a new release forgets the one before"
    assert memory.size == 0


@pytest.mark.slow
def test_health_tells_age_batch_and_refused_lines(
    client: TestClient, published: PublishedLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    published.add(
        "fct_load_audit",
        [{"dt": "2024-06-07", "hr": "15", "landed_lines": 50, "quarantined_lines": 2, "missing_lines": 0}],
    )
    published.add("quarantined_record", [{"dt": "2024-06-07", "reasons": "not_json", "occurrences": 2}])
    published.add("fct_model_run", [{"batch_id": 7, "model": "fct_bar", "recorded_at": "2024-06-07 15:30:00"}])
    published.publish(monkeypatch)
    health = client.get("/v1/health").json()
    assert health["status"] == "ok"
    assert health["last_bar_start_at"] == "2024-06-07T14:06:00Z"
    assert health["last_built_at"] == "2024-06-07T15:30:00Z"
    assert health["last_batch_id"] == 7
    assert health["quarantine_rate"] == 0.04
    assert health["quarantine_reasons"] == {"not_json": 2}
    published.add("fct_load_audit", [{"dt": "2024-06-07", "hr": "16", "landed_lines": 1, "missing_lines": 1}])
    published.publish(monkeypatch)
    assert client.get("/v1/health").json()["status"] == "lines_missing"


@pytest.mark.slow
def test_the_description_covers_every_dataset_with_rows_of_the_release(reader: TestClient) -> None:
    document = reader.get("/openapi.json").json()
    assert "not trading advice" in document["info"]["description"].replace("nothing here is", "not")
    for dataset in DATASETS:
        operation = document["paths"][f"/v1/{dataset.path}"]["get"]
        described = operation["responses"]["200"]["content"]["application/json"]
        assert set(described["schema"]["properties"]["columns"]["properties"]) == set(
            marts()[dataset.mart_name].columns
        )
        assert described["example"]["dataset"] == dataset.path
        assert set(operation["responses"]) >= {"200", "404", "422", "429", "503"}
    bars = document["paths"]["/v1/bars"]["get"]["responses"]["200"]["content"]["application/json"]
    assert bars["example"]["columns"]["symbol"] == ["BRK.B", "TSLA"]
    assert reader.get("/openapi.json").json() == document


def test_a_file_that_maintenance_removed_is_no_error(published: PublishedLake, monkeypatch: pytest.MonkeyPatch) -> None:
    client = TestClient(create_app(LakeStore(published.folder)), raise_server_exceptions=False)
    client.get("/v1/symbols")
    from serving.api import store

    real, failures = store.Release.query, [1]

    def query(self: store.Release, sql: str, values: list[Any] | None = None) -> Any:
        if failures:
            failures.pop()
            import duckdb

            raise duckdb.IOException("No such file")
        return real(self, sql, values)

    monkeypatch.setattr(store.Release, "query", query)
    assert client.get("/v1/bars").status_code == 200


@pytest.mark.slow
@pytest.mark.xdist_group("served")
def test_every_path_answers_from_a_real_build(demo: Path) -> None:
    client = TestClient(create_app(LakeStore(demo)))
    for dataset in DATASETS:
        answer = client.get(f"/v1/{dataset.path}?limit=5")
        assert answer.status_code == 200, dataset.path
        if dataset.path not in ("gaps", "signals/outcomes", "corporate-actions"):
            assert answer.json()["count"] > 0, dataset.path
    for name in client.get("/v1/questions").json():
        assert client.get(f"/v1/questions/{name}").status_code == 200
    assert client.get("/v1/health").json()["last_batch_id"] == 1


@pytest.mark.slow
@pytest.mark.xdist_group("served")
def test_it_answers_while_a_build_runs_and_moves_with_the_release(demo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TICKERLAKE_LAKE", str(demo))
    client = TestClient(create_app(LakeStore(demo)), raise_server_exceptions=False)
    before = client.get("/v1/bars?symbol=TSLA&limit=20000").json()
    line = test_lakes.bar(symbol="TSLA", minute="2024-06-14T15:00:00Z", run_id="01J00000000000000000000002")
    test_lakes.Lake(demo).land([line], hour=f"{datetime.now(UTC):%Y-%m-%d %H}", name="more")
    seen: list[tuple[int, str]] = []
    done = threading.Event()

    def ask() -> None:
        number = 0
        while not done.wait(0.05):
            number += 1  # a fresh address each time, so that the lake is read, not the memory
            answer = client.get(f"/v1/bars?symbol=TSLA&limit={20_000 - number % 5_000}")
            seen.append((answer.status_code, answer.json().get("release", answer.text)))

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        assert build(Dbt("local")).is_published
    finally:
        done.set()
        asking.join()
    assert {status for status, _ in seen} == {200}, seen
    assert len([release for _, release in seen if release == before["release"]]) > 5
    after = client.get("/v1/bars?symbol=TSLA&limit=20000").json()
    assert after["count"] == before["count"] + 1
    assert {release for _, release in seen} <= {before["release"], after["release"]}


@pytest.mark.slow
@pytest.mark.loopback
@pytest.mark.xdist_group("served")
def test_generated_requests_find_no_failure_and_no_breach_of_the_description(demo: Path, tmp_path: Path) -> None:
    """Over the whole description: each path's examples, every bound of every parameter, and random requests."""
    serving = subprocess.Popen(
        [sys.executable, "-m", "serving.api", "--lake", str(demo), "--port", "0", "--rate", "0"],
        cwd=lakes.PROJECT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert serving.stdout
    try:
        address = re.search(r"http://127\.0\.0\.1:\d+", serving.stdout.readline())
        assert address
        fuzzed = subprocess.run(
            [
                Path(sys.executable).parent / "schemathesis",
                "--config-file",
                Path(__file__).parent / "schemathesis.toml",
                "run",
                f"{address[0]}/openapi.json",
                "--phases",
                "examples,coverage,fuzzing",
                "--max-examples",
                "8",
                "--seed",
                "1",
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
    finally:
        serving.terminate()
        serving.wait(20)
    assert fuzzed.returncode == 0, fuzzed.stdout[-4000:]
    assert "No issues found" in fuzzed.stdout

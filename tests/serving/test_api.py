"""The API returns what is published, page by page, and rejects invalid requests with a message that names the value."""

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
from serving.api.caching import ResponseCache, _CachedResponse
from serving.api.datasets import DATASETS
from serving.api.limits import RateLimiter
from serving.api.store import LakeStore
from serving.contract import marts
from testkit import lake as test_lakes
from tests.serving.published_lake import PublishedLake, bar
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
    responses, cursor = [], ""
    while True:
        page = client.get(f"{address}&cursor={cursor}").json()
        responses.append(page)
        cursor = page["next_cursor"]
        if not cursor:
            return responses


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_pages_contain_every_row_once_and_in_order(reader: TestClient, order: str) -> None:
    responses = pages(reader, f"/v1/bars?limit=3&order={order}")
    keys = [
        key
        for page in responses
        for key in zip(page["columns"]["bar_start_at"], page["columns"]["symbol"], strict=True)
    ]
    assert [page["count"] for page in responses] == [3, 3, 3, 1]
    assert len(set(keys)) == 10
    assert keys == sorted(keys, reverse=order == "desc")


@pytest.mark.slow
def test_the_next_page_continues_after_the_last_row_when_earlier_rows_arrive(
    client: TestClient, published: PublishedLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = client.get("/v1/bars?symbol=TSLA&limit=3").json()
    published.add("fct_bar", [bar("TSLA", 0, bar_start_at="2024-06-07 13:59:00")])
    published.publish(monkeypatch)
    second = client.get(f"/v1/bars?symbol=TSLA&limit=9&cursor={first['next_cursor']}").json()
    assert second["columns"]["bar_start_at"] == [f"2024-06-07T14:{minute:02d}:00Z" for minute in range(3, 7)]


def test_requests_filter_by_symbol_time_session_and_columns(reader: TestClient) -> None:
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


def test_a_response_names_its_time_zone_and_release_and_leaves_lineage_out(reader: TestClient) -> None:
    response = reader.get("/v1/bars?limit=1")
    assert response.headers["tickerlake-time-zone"] == response.json()["time_zone"] == "UTC"
    assert response.headers["etag"] == f'W/"{response.json()["release"]}"'
    assert "source_object" not in response.json()["columns"]
    assert "source_object" in reader.get("/v1/bars?columns=source_object").json()["columns"]


def test_comma_separated_values_equal_the_json(reader: TestClient) -> None:
    columns = reader.get("/v1/bars?columns=bar_start_at,close,is_final,split_factor&limit=4").json()["columns"]
    response = reader.get("/v1/bars?columns=bar_start_at,close,is_final,split_factor&limit=4&format=csv")
    header, *rows = csv.reader(io.StringIO(response.text))
    assert header == list(columns)
    assert rows == [
        [at, str(close), "true", ""] for at, close in zip(columns["bar_start_at"], columns["close"], strict=True)
    ]
    assert response.headers["tickerlake-next-cursor"] == reader.get("/v1/bars?limit=4").json()["next_cursor"]


def test_a_number_that_is_not_finite_is_null(
    client: TestClient, published: PublishedLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = {"bar_interval": "1min", "source": "yahoo", "bar_start_at": "2024-06-07 14:00:00"}
    published.add("fct_price_change", [{"symbol": "TSLA", "price_change_pct": float("nan"), **at}])
    published.publish(monkeypatch)
    assert client.get("/v1/price-changes").json()["columns"]["price_change_pct"] == [None]


def test_a_response_is_cached_until_the_next_release(
    client: TestClient, published: PublishedLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = client.get("/v1/bars")
    again = client.get("/v1/bars", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get("/v1/bars").content == first.content
    published.add("fct_bar", [bar("TSLA", 30)])
    assert client.get("/v1/bars").content == first.content, "rows that are not published are not visible"
    published.publish(monkeypatch)
    moved = client.get("/v1/bars", headers={"If-None-Match": first.headers["etag"]})
    assert (moved.status_code, moved.json()["count"]) == (200, 11)


def test_a_response_is_compressed_for_clients_that_accept_it(reader: TestClient) -> None:
    for _ in range(2):  # from the application, and from the cache
        compressed = reader.get("/v1/bars", headers={"Accept-Encoding": "gzip"})
        plain = reader.get("/v1/bars", headers={"Accept-Encoding": "identity"})
        assert compressed.headers["content-encoding"] == "gzip"
        assert "content-encoding" not in plain.headers
        assert compressed.json() == plain.json()
        assert compressed.headers["vary"] == "accept, accept-encoding"


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
def test_an_error_names_the_value(reader: TestClient, address: str, status: int, named: str) -> None:
    response = reader.get(address)
    assert response.status_code == response.json()["status"] == status
    assert named in response.json()["detail"]
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["cache-control"] == "no-store"
    assert reader.get(address).status_code == status


@pytest.mark.parametrize("text", INJECTIONS)
@pytest.mark.parametrize(
    "name", ["symbol", "interval", "from", "to", "cursor", "columns", "session", "order", "format"]
)
def test_no_parameter_reaches_the_query_as_sql(reader: TestClient, name: str, text: str) -> None:
    response = reader.get("/v1/bars", params={name: text})
    assert response.status_code in (404, 422)
    assert "root:" not in response.text
    assert reader.get("/v1/bars").json()["count"] == 10


@pytest.mark.parametrize(
    "path", ["/static/../app.py", "/static/%2e%2e/app.py", "/v1/questions/..%2f..%2fREADME", "/static//etc/passwd"]
)
def test_no_path_leaves_the_static_files(reader: TestClient, path: str) -> None:
    assert reader.get(path).status_code in (404, 422)


def test_the_connection_can_read_the_lake_only_and_write_nothing(published: PublishedLake) -> None:
    release = LakeStore(published.folder).release()
    for statement in (
        "select * from read_text('/etc/hostname')",
        "delete from fct_bar",
        "set enable_external_access = true",
    ):
        with pytest.raises(Exception, match=r"(?i)permission|read-only|cannot"):
            release.query(statement)


def test_before_the_first_release_the_error_names_the_command_to_run(tmp_path: Path) -> None:
    client = TestClient(create_app(LakeStore(tmp_path)), raise_server_exceptions=False)
    for path in ("/v1/bars", "/v1/health", "/v1/questions/1_volume"):
        response = client.get(path)
        assert response.status_code == 503
        assert "make build" in response.json()["detail"]
        assert str(tmp_path) not in response.text
    assert client.get("/openapi.json").status_code == 200


def test_the_listener_disables_nagles_algorithm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """asyncio disables it on accepted connections only if the listener was created with IPPROTO_TCP."""
    listening: list[tuple[str, int]] = []

    def run(server: object, sockets: list[socket.socket]) -> None:
        listening.extend((listener.getsockname()[0], listener.proto) for listener in sockets)

    monkeypatch.setattr("serving.api.__main__.uvicorn.Server.run", run)
    assert command.main(["--lake", str(tmp_path), "--port", "0"]) == 0
    assert listening == [("127.0.0.1", socket.IPPROTO_TCP)]


def test_the_lambda_handler_responds_to_function_url_events(
    published: PublishedLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    from serving.api import handler

    monkeypatch.setenv("DATABASE_URL_SECRET", "ssm:/a/database")
    monkeypatch.setattr(handler, "fetch_secret", {"ssm:/a/database": str(published.folder)}.__getitem__)
    monkeypatch.setattr(handler, "PostgresStore", lambda address: LakeStore(Path(address)))
    handler._application.cache_clear()

    def invoke(path: str, query: str = "", **headers: str) -> dict[str, Any]:
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

    plain = invoke("/v1/bars", "symbol=TSLA&limit=5")
    assert (plain["statusCode"], json.loads(plain["body"])["count"]) == (200, 5)
    compressed = invoke("/v1/bars", "symbol=TSLA&limit=5", **{"accept-encoding": "gzip"})
    assert gzip.decompress(base64.b64decode(compressed["body"])).decode() == plain["body"]
    assert invoke("/v1/bars", "symbol=TSLA&limit=5", **{"if-none-match": plain["headers"]["etag"]})["statusCode"] == 304
    assert "<title>" in invoke("/")["body"]
    rejected = invoke("/v1/bars", "symbol=" + "X" * 5_000)
    assert (rejected["statusCode"], json.loads(rejected["body"])["title"]) == (414, "Address too long")
    handler._application.cache_clear()


def test_a_client_above_the_rate_limit_gets_429_with_retry_after(published: PublishedLake) -> None:
    client = TestClient(create_app(LakeStore(published.folder), rate=0.5))
    statuses = [client.get("/v1/symbols").status_code for _ in range(4)]
    assert statuses == [200, 200, 429, 429]
    rejected = client.get("/v1/symbols")
    assert int(rejected.headers["retry-after"]) >= 1
    assert rejected.json()["title"] == "Too many requests"


def test_each_client_has_a_bucket_that_fills_again(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("serving.api.limits.time.monotonic", lambda: now[0])
    limiter = RateLimiter(1)
    assert [limiter.acquire("a") for _ in range(5)] == [0, 0, 0, 0, 1]
    assert limiter.acquire("b") == 0
    now[0] = 1.0
    assert [limiter.acquire("a"), limiter.acquire("a")] == [0, 1]


def test_the_cache_stays_within_its_limit_and_evicts_the_least_recently_used() -> None:
    cache = ResponseCache(100)
    cache.get("r1", ("x", b"", "json"))
    for name in "abc":
        cache.put("r1", (name, b"", "json"), _CachedResponse((), b"." * 40))
        cache.get("r1", ("a", b"", "json"))
    assert [name for name, _, _ in cache.responses] == ["c", "a"]
    assert cache.size == 80
    cache.put("r0", ("late", b"", "json"), _CachedResponse((), b"."))
    assert cache.get("r2", ("a", b"", "json")) is None, "a new release empties the cache"
    assert cache.size == 0


@pytest.mark.slow
def test_health_has_age_batch_and_quarantined_lines(
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
def test_the_openapi_document_covers_every_dataset_with_rows_of_the_release(reader: TestClient) -> None:
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


def test_a_file_removed_by_maintenance_causes_no_error(
    published: PublishedLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = TestClient(create_app(LakeStore(published.folder)), raise_server_exceptions=False)
    client.get("/v1/symbols")
    from serving.api import store

    original, failures = store.Release.query, [1]

    def query(self: store.Release, sql: str, values: list[Any] | None = None) -> Any:
        if failures:
            failures.pop()
            import duckdb

            raise duckdb.IOException("No such file")
        return original(self, sql, values)

    monkeypatch.setattr(store.Release, "query", query)
    assert client.get("/v1/bars").status_code == 200


@pytest.mark.slow
def test_every_path_responds_from_a_real_build(demo: Path) -> None:
    client = TestClient(create_app(LakeStore(demo)))
    for dataset in DATASETS:
        response = client.get(f"/v1/{dataset.path}?limit=5")
        assert response.status_code == 200, dataset.path
        if dataset.path not in ("gaps", "signals/outcomes", "corporate-actions", "corporate-actions/suspect"):
            assert response.json()["count"] > 0, dataset.path
    for name in client.get("/v1/questions").json():
        assert client.get(f"/v1/questions/{name}").status_code == 200
    assert client.get("/v1/health").json()["last_batch_id"] == 1


@pytest.mark.slow
def test_the_api_responds_while_a_build_runs_and_follows_the_release(
    demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TICKERLAKE_LAKE", str(demo))
    client = TestClient(create_app(LakeStore(demo)), raise_server_exceptions=False)
    before = client.get("/v1/bars?symbol=TSLA&limit=20000").json()
    line = test_lakes.bar(symbol="TSLA", minute="2024-06-14T15:00:00Z", run_id="01J00000000000000000000002")
    test_lakes.Lake(demo).land([line], hour=f"{datetime.now(UTC):%Y-%m-%d %H}", name="more")
    outcomes: list[tuple[int, str]] = []
    done = threading.Event()

    def send_requests() -> None:
        number = 0
        while not done.wait(0.05):
            number += 1  # a new address each time, so that the response comes from the lake, not from the cache
            response = client.get(f"/v1/bars?symbol=TSLA&limit={20_000 - number % 5_000}")
            outcomes.append((response.status_code, response.json().get("release", response.text)))

    client_thread = threading.Thread(target=send_requests)
    client_thread.start()
    try:
        assert build(Dbt("local")).is_published
    finally:
        done.set()
        client_thread.join()
    assert {status for status, _ in outcomes} == {200}, outcomes
    assert len([release for _, release in outcomes if release == before["release"]]) > 5
    after = client.get("/v1/bars?symbol=TSLA&limit=20000").json()
    assert after["count"] == before["count"] + 1
    assert {release for _, release in outcomes} <= {before["release"], after["release"]}


@pytest.mark.slow
@pytest.mark.loopback
def test_generated_requests_conform_to_the_openapi_document(demo: Path, tmp_path: Path) -> None:
    """Of every path: its examples, the bounds of its parameters, and random requests."""
    server = subprocess.Popen(
        [sys.executable, "-m", "serving.api", "--lake", str(demo), "--port", "0", "--rate", "0"],
        cwd=lakes.PROJECT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout
    try:
        address = re.search(r"http://127\.0\.0\.1:\d+", server.stdout.readline())
        assert address
        fuzzing = subprocess.run(
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
        server.terminate()
        server.wait(20)
    assert fuzzing.returncode == 0, fuzzing.stdout[-4000:]
    assert "No issues found" in fuzzing.stdout

"""The spellings, headers and formats that a request may use, and the errors when it may not."""

import io
from pathlib import Path
from typing import Any

import duckdb
import pytest
from starlette.testclient import TestClient

from serving.api import __main__ as command
from serving.api.app import create_app
from serving.api.negotiation import accepts_gzip, choose_format, matches_tag
from serving.api.store import LakeStore, Release
from tests.serving.published_lake import PublishedLake, bar


@pytest.mark.parametrize(
    "query",
    ["symbol=TSLA,BRK.B", "symbol=TSLA&symbol=BRK.B", "symbol= tsla , brk.b", "symbol=TSLA,TSLA&symbol=%20BRK.B%20"],
)
def test_symbols_may_be_repeated_or_comma_separated_with_blanks(reader: TestClient, query: str) -> None:
    columns = reader.get(f"/v1/bars?{query}").json()["columns"]
    assert (columns["symbol"].count("TSLA"), columns["symbol"].count("BRK.B")) == (7, 3)


@pytest.mark.parametrize("query", ["columns=close,symbol", "columns=close&columns=symbol", "columns= close , symbol"])
def test_columns_may_be_repeated_or_comma_separated_and_keep_their_order(reader: TestClient, query: str) -> None:
    assert list(reader.get(f"/v1/bars?{query}").json()["columns"]) == ["close", "symbol"]


def test_the_columns_are_an_enumeration_in_the_openapi_document(reader: TestClient) -> None:
    parameters = reader.get("/openapi.json").json()["paths"]["/v1/movers"]["get"]["parameters"]
    columns = next(parameter for parameter in parameters if parameter["name"] == "columns")
    assert {"symbol", "price_change_pct", "mover_rank"} <= set(columns["schema"]["items"]["enum"])


@pytest.mark.parametrize(("spelling", "interval"), [("1m", "1min"), ("5m", "5min"), ("1h", "60min"), ("60m", "60min")])
def test_other_spellings_of_an_interval_are_accepted(
    client: TestClient, published: PublishedLake, monkeypatch: pytest.MonkeyPatch, spelling: str, interval: str
) -> None:
    published.add("fct_bar", [bar("TSLA", 0, 55, bar_interval=interval, source="other")])
    published.publish(monkeypatch)
    response = client.get(f"/v1/bars?interval={spelling}&symbol=TSLA").json()
    assert set(response["columns"]["bar_interval"]) == {interval}
    assert 55 in response["columns"]["close"]


@pytest.mark.parametrize("spelling", ["1d", "1day"])
def test_days_are_an_interval_of_series_and_bars_name_their_path(
    client: TestClient, published: PublishedLake, monkeypatch: pytest.MonkeyPatch, spelling: str
) -> None:
    series = [{"symbol": "TSLA", "bar_interval": interval, "source": "yahoo"} for interval in ("1min", "1day")]
    published.add("dim_series", series)
    published.publish(monkeypatch)
    assert client.get(f"/v1/series?interval={spelling}").json()["columns"]["bar_interval"] == ["1day"]
    rejected = client.get(f"/v1/bars?interval={spelling}")
    assert rejected.status_code == 422
    assert "/v1/daily/bars" in rejected.json()["detail"]


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("symbols=TSLA", "did you mean `symbol`?"),
        ("Symbol=TSLA", "did you mean `symbol`?"),
        ("ticker=TSLA", "did you mean `symbol`?"),
        ("intervall=1min", "did you mean `interval`?"),
        ("start=2024-06-07", "did you mean `from`?"),
        ("colums=close", "did you mean `columns`?"),
        ("zzz=1", "use one of columns, cursor, format"),
        ("from=2024-06-08&to=2024-06-07", "to '2024-06-07': is not after from '2024-06-08'"),
        ("from=2024-06-07&to=2024-06-07", "is not after from"),
        ("symbol=TSLA&symbol=%3B", "symbol ';'"),
        ("symbol=,", "symbol ','"),
        ("last=3", "last '3': needs a symbol"),
        ("last=-1&symbol=TSLA", "last '-1'"),
    ],
)
def test_a_misspelled_parameter_and_an_empty_range_are_errors(reader: TestClient, query: str, named: str) -> None:
    response = reader.get(f"/v1/bars?{query}")
    assert response.status_code == 422
    assert named in response.json()["detail"]


@pytest.mark.parametrize("path", ["/v1/bars", "/v1/health", "/", "/openapi.json"])
def test_head_has_the_headers_of_get_and_no_body(reader: TestClient, path: str) -> None:
    got, head = reader.get(path), reader.head(path)
    assert (head.status_code, head.content) == (200, b"")
    assert {**head.headers, "date": ""} == {**got.headers, "date": ""}


def test_head_of_an_error_and_of_an_unchanged_release(reader: TestClient) -> None:
    assert reader.head("/v1/bars?limit=0").status_code == 422
    tag = reader.head("/v1/bars").headers["etag"]
    assert reader.head("/v1/bars", headers={"If-None-Match": tag}).status_code == 304


@pytest.mark.parametrize("path", ["/v1/bars", "/v1/questions/1_volume", "/static/app.js"])
def test_options_lists_the_methods_and_others_are_refused_with_them(reader: TestClient, path: str) -> None:
    options = reader.options(path)
    assert (options.status_code, options.headers["allow"]) == (204, "GET, HEAD, OPTIONS")
    assert reader.post(path).status_code == 405
    assert reader.options("/v1/nothing").status_code == 404


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ("", "json"),
        ("*/*", "json"),
        ("text/csv", "csv"),
        ("application/*", "json"),
        ("text/html, application/json;q=0.9, */*;q=0.8", "json"),
        ("application/json;q=0.1, text/csv", "csv"),
        ("application/json;q=0, */*", "csv"),
        ("application/vnd.apache.parquet", "parquet"),
        ("text/html", ""),
        ("*/*;q=0", ""),
    ],
)
def test_the_accept_header_chooses_the_format(accept: str, chosen: str) -> None:
    assert choose_format(accept) == chosen


def test_a_response_is_what_the_request_accepts_also_from_the_cache(reader: TestClient) -> None:
    for _ in range(2):
        csv = reader.get("/v1/bars?limit=3", headers={"Accept": "text/csv"})
        assert csv.headers["content-type"] == "text/csv; charset=utf-8"
        assert reader.get("/v1/bars?limit=3").json()["count"] == 3
        refused = reader.get("/v1/bars?limit=3", headers={"Accept": "text/html"})
        assert (refused.status_code, refused.json()["title"]) == (406, "Not acceptable")
        assert reader.get("/v1/bars?limit=3&format=csv", headers={"Accept": "text/html"}).text == csv.text
    tag = {"If-None-Match": csv.headers["etag"]}
    assert reader.get("/v1/bars?limit=3", headers=tag).status_code == 200, "another format is another response"
    assert reader.get("/v1/bars?limit=3", headers={**tag, "Accept": "text/csv"}).status_code == 304


@pytest.mark.parametrize(
    ("header", "is_accepted"),
    [
        ("gzip", True),
        ("br, gzip;q=0.5", True),
        ("*", True),
        ("gzip;q=0", False),
        ("gzip; q=0.000, *", False),
        ("", False),
    ],
)
def test_compression_follows_its_quality(reader: TestClient, header: str, is_accepted: bool) -> None:
    assert accepts_gzip(header) is is_accepted
    response = reader.get("/v1/bars", headers={"Accept-Encoding": header})
    assert ("content-encoding" in response.headers) is is_accepted


def test_entity_tags_are_compared_weakly_and_whole() -> None:
    assert all(matches_tag(header, "12-x") for header in ('W/"12-x"', '"12-x"', '"a", W/"12-x"', "*"))
    assert not any(matches_tag(header, "12-x") for header in ('W/"112-x"', '"12-x1"', "12-x", ""))


def test_a_cursor_continues_its_own_query_only(reader: TestClient) -> None:
    cursor = reader.get("/v1/bars?symbol=TSLA&limit=3").json()["next_cursor"]
    for same in ("symbol=tsla&limit=2", "symbol=TSLA&interval=1m&columns=close", "symbol=TSLA&format=records"):
        assert reader.get(f"/v1/bars?{same}&cursor={cursor}").status_code == 200
    for other in (
        "",
        "symbol=BRK.B",
        "symbol=TSLA&order=desc",
        "symbol=TSLA&from=2024-06-07",
        "symbol=TSLA&session=regular",
    ):
        response = reader.get(f"/v1/bars?{other}&cursor={cursor}")
        assert response.status_code == 422, other
        assert "belongs to another" in response.json()["detail"]
    assert reader.get(f"/v1/bars/adjusted?symbol=TSLA&cursor={cursor}").status_code == 422


def test_the_last_bars_of_each_series_over_pages(reader: TestClient) -> None:
    address = "/v1/bars?symbol=TSLA,BRK.B&last=2&columns=symbol,bar_start_at"
    columns = reader.get(address).json()["columns"]
    assert list(zip(columns["symbol"], columns["bar_start_at"], strict=True)) == [
        ("BRK.B", "2024-06-07T14:01:00Z"),
        ("BRK.B", "2024-06-07T14:02:00Z"),
        ("TSLA", "2024-06-07T14:05:00Z"),
        ("TSLA", "2024-06-07T14:06:00Z"),
    ]
    paged, cursor = [], ""
    while True:
        page = reader.get(f"{address}&limit=3&cursor={cursor}").json()
        paged += page["columns"]["bar_start_at"]
        if not (cursor := page["next_cursor"] or ""):
            break
    assert paged == columns["bar_start_at"]
    latest = reader.get("/v1/bars?symbol=TSLA&last=1&to=2024-06-07T14:03:00Z").json()["columns"]
    assert latest["bar_start_at"] == ["2024-06-07T14:02:00Z"]


def test_last_counts_within_a_series(
    client: TestClient, published: PublishedLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    published.add("fct_bar", [bar("TSLA", 0, 55, source="other")])
    at = {"bar_interval": "1min", "source": "yahoo", "signal_type": "anomaly"}
    times = [f"2024-06-07 14:0{minute}:00" for minute in range(3)]
    published.add("fct_signal", [{"symbol": "TSLA", "signal_id": t, "bar_start_at": t, **at} for t in times])
    published.publish(monkeypatch)
    sources = client.get("/v1/bars?symbol=TSLA&last=1").json()["columns"]["source"]
    assert sorted(sources) == ["other", "yahoo"]
    assert client.get("/v1/signals?symbol=TSLA&last=1").json()["columns"]["bar_start_at"] == ["2024-06-07T14:02:00Z"]


def test_records_equal_the_columns(reader: TestClient) -> None:
    page = reader.get("/v1/bars?limit=4").json()
    records = reader.get("/v1/bars?limit=4&format=records").json()
    columns = page.pop("columns")
    assert records.pop("records") == [
        dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)
    ]
    assert records == page


@pytest.mark.parametrize("query", ["limit=4", "symbol=TSLA&from=2025-01-01"])
def test_parquet_equals_the_columns_with_types(reader: TestClient, tmp_path: Path, query: str) -> None:
    response = reader.get(f"/v1/bars?{query}&format=parquet")
    assert response.headers["content-type"] == "application/vnd.apache.parquet"
    (tmp_path / "bars.parquet").write_bytes(io.BytesIO(response.content).read())
    relation = duckdb.connect().read_parquet(str(tmp_path / "bars.parquet"))
    kinds = {name: str(kind) for name, kind in zip(relation.columns, relation.types, strict=True)}
    assert (kinds["bar_start_at"], kinds["close"], kinds["is_final"], kinds["batch_id"]) == (
        "TIMESTAMP",
        "DOUBLE",
        "BOOLEAN",
        "BIGINT",
    )
    page = reader.get(f"/v1/bars?{query}").json()
    assert list(relation.columns) == list(page["columns"])
    shown = relation.project("strftime(bar_start_at, '%Y-%m-%dT%H:%M:%SZ'), symbol, close, is_final").fetchall()
    columns = [page["columns"][name] for name in ("bar_start_at", "symbol", "close", "is_final")]
    assert shown == list(zip(*columns, strict=True))
    assert response.headers.get("tickerlake-next-cursor") == page["next_cursor"]


def test_the_symbols_of_a_release_are_read_once(published: PublishedLake, monkeypatch: pytest.MonkeyPatch) -> None:
    client = TestClient(create_app(LakeStore(published.folder)))
    original, queries = Release.query, []

    def query(self: Release, sql: str, values: list[Any] | None = None) -> Any:
        queries.append(sql)
        return original(self, sql, values)

    monkeypatch.setattr(Release, "query", query)
    for limit in range(1, 5):
        assert client.get(f"/v1/bars?symbol=TSLA&limit={limit}").status_code == 200
    assert sum("dim_symbol" in sql for sql in queries) == 1
    published.add("dim_symbol", [{"symbol": "NEW"}])
    published.publish(monkeypatch)
    assert client.get("/v1/bars?symbol=NEW").status_code == 200


@pytest.mark.parametrize(
    ("option", "value"), [("--port", "-1"), ("--port", "65536"), ("--rate", "-1"), ("--rate", "nan"), ("--rate", "inf")]
)
def test_an_impossible_port_or_rate_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str, value: str
) -> None:
    assert command.main(["--lake", str(tmp_path), option, value]) == 2
    assert value in capsys.readouterr().err

"""The command that fills an open-source Metabase, against a server that stores the requests' bodies."""

import json
import re
import socket
import threading
from collections.abc import Iterator
from copy import deepcopy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from dashboards import apply_metabase, metabase
from dashboards.__main__ import main
from dashboards.apply_metabase import (
    MetabaseClient,
    MetabaseError,
    TableDescription,
    apply,
    database_id,
    describe,
    read_descriptions,
)
from dashboards.catalog import cards, dashboards

pytestmark = pytest.mark.loopback
KEY = "mb_a_key_of_nobody"

SYNCED: dict[str, dict[int, dict[str, Any]]] = {
    "table": {3: {"id": 3, "name": "dim_symbol", "schema": "published", "description": None}},
    "field": {
        11: {"id": 11, "table_id": 3, "name": "symbol", "base_type": "type/Text", "description": None},
        12: {"id": 12, "table_id": 3, "name": "unknown", "base_type": "type/Float", "description": "theirs"},
    },
}


class FakeMetabase(BaseHTTPRequestHandler):
    """Metabase's responses as its API documents them, for the requests of the command."""

    store: dict[str, dict[int, dict[str, Any]]]

    def log_message(self, *_: object) -> None:
        pass

    def _respond(self, status: int, body: object) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def do_GET(self) -> None:
        if self.headers["x-api-key"] != KEY:
            self._respond(401, "Unauthenticated")
        elif self.path == "/api/database":
            self._respond(200, {"data": [{"id": 1, "name": "Sample"}, {"id": 7, "name": "tickerlake"}], "total": 2})
        elif self.path == "/api/database/7/metadata":
            fields = [field for field in self.store["field"].values() if field["table_id"] == 3]
            self._respond(
                200, {"id": 7, "tables": [{**table, "fields": fields} for table in self.store["table"].values()]}
            )
        elif self.path == "/api/collection":
            self._respond(200, [{"id": "root", "name": "Our analytics"}, *self.store["collection"].values()])
        elif match := re.match(r"/api/collection/(\d+)/items\?", self.path):
            items = [
                {"id": number, "name": item["name"], "model": kind}
                for kind in ("card", "dashboard")
                for number, item in self.store[kind].items()
                if item["collection_id"] == int(match[1])
            ]
            self._respond(200, {"data": items, "total": len(items)})
        else:
            self._respond(404, "Not found.")

    def do_POST(self) -> None:
        kind, body = self.path.removeprefix("/api/"), self._body()
        number = sum(len(items) for items in self.store.values()) + 100
        self.store[kind][number] = {**body, "id": number}
        self._respond(200, self.store[kind][number])

    def do_PUT(self) -> None:
        kind, number = self.path.removeprefix("/api/").split("/")
        if int(number) not in self.store[kind]:
            self._respond(404, "Not found.")
            return
        self.store[kind][int(number)] |= self._body()
        self._respond(200, self.store[kind][int(number)])

    def _body(self) -> dict[str, Any]:
        assert self.headers["x-api-key"] == KEY
        return dict(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(
        FakeMetabase, "store", deepcopy({"collection": {}, "card": {}, "dashboard": {}, **SYNCED}), raising=False
    )
    with ThreadingHTTPServer(("127.0.0.1", 0), FakeMetabase) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_address[1]}"
        running.shutdown()


def test_every_card_and_dashboard_is_created_once(server: str) -> None:
    ids = apply(MetabaseClient(server, KEY), 7)
    first = json.loads(json.dumps(FakeMetabase.store))
    assert apply(MetabaseClient(server, KEY), 7) == ids
    assert json.loads(json.dumps(FakeMetabase.store)) == first  # nothing twice
    by_name = {card["name"]: card for card in FakeMetabase.store["card"].values()}
    assert by_name.keys() == {card.title for card in cards()}
    for card in cards():
        dataset = by_name[card.title]["dataset_query"]
        assert (dataset["database"], dataset["native"]["query"]) == (7, metabase.query(card))
        assert list(dataset["native"]["template-tags"]) == metabase.tags(card)
    for name, board in dashboards().items():
        dashboard = FakeMetabase.store["dashboard"][ids[name]]
        titles = [FakeMetabase.store["card"][dashcard["card_id"]]["name"] for dashcard in dashboard["dashcards"]]
        assert titles == [card.title for card in board.cards]
        filters = {parameter["id"] for parameter in dashboard["parameters"]}
        for dashcard in dashboard["dashcards"]:
            assert dashcard["id"] < 0
            assert {mapping["parameter_id"] for mapping in dashcard["parameter_mappings"]} <= filters
            assert {mapping["card_id"] for mapping in dashcard["parameter_mappings"]} <= {dashcard["card_id"]}


def test_a_changed_card_is_changed_in_place(server: str) -> None:
    apply(MetabaseClient(server, KEY), 7)
    number, card = next(iter(FakeMetabase.store["card"].items()))
    card["dataset_query"] = {}
    apply(MetabaseClient(server, KEY), 7)
    assert FakeMetabase.store["card"][number]["dataset_query"]["database"] == 7


def test_tables_and_columns_get_the_descriptions_of_the_models(server: str) -> None:
    models = {"dim_symbol": TableDescription("One row a symbol.", {"symbol": "The ticker."})}
    assert describe(MetabaseClient(server, KEY), 7, models) == 2
    assert FakeMetabase.store["table"][3]["description"] == "One row a symbol."
    symbol = FakeMetabase.store["field"][11]
    assert (symbol["description"], symbol["semantic_type"]) == ("The ticker.", "type/Category")
    assert FakeMetabase.store["field"][12]["description"] == "theirs"
    assert describe(MetabaseClient(server, KEY), 7, models) == 0


@pytest.mark.slow
def test_every_mart_that_a_card_reads_is_described() -> None:
    models = read_descriptions()
    for card in cards():
        queries = set(re.findall(r"(\w+) as \(", card.sql))
        for mart in set(re.findall(r"(?:from|join) (\w+)", card.sql)) - queries:
            assert models[mart].description, mart
            assert all(models[mart].columns.values()), mart


@pytest.mark.parametrize(("key", "database", "reason"), [("mb_wrong", "tickerlake", "401"), (KEY, "other", "'other'")])
def test_an_error_gives_its_reason_and_never_the_key(server: str, key: str, database: str, reason: str) -> None:
    with pytest.raises(MetabaseError, match=reason) as raised:
        apply(MetabaseClient(server, key), database_id(MetabaseClient(server, key), database))
    assert key not in str(raised.value)
    assert not FakeMetabase.store["collection"]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n<html>", "200, no JSON: <html>"),
        (b"HTTP/1.1 302 Found\r\nLocation: /login\r\n\r\n", "302 "),
        (b"HTTP/1.1 500 Broken\r\n\r\n" + 301 * b"x", "500 " + 300 * "x"),
        (b"", "Remote end closed connection without response"),
    ],
)
def test_an_invalid_response_is_reported(raw: bytes, reason: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def respond() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(10_000)
                connection.sendall(raw)

        threading.Thread(target=respond, daemon=True).start()
        assert error_of(server.getsockname()[1]) == f"GET /api/database: {reason}"


def test_a_server_that_does_not_respond_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apply_metabase, "_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert error_of(port) == "GET /api/database: timed out"
    assert re.fullmatch(r"GET /api/database: \[Errno \d+\] Connection refused", error_of(port))


@pytest.mark.parametrize("key", [f"{KEY}\n", f"{KEY}…"])
def test_a_key_that_is_no_header_value_is_not_printed(key: str) -> None:
    assert error_of(1, key) == "GET /api/database: the key cannot be sent in a header"


def test_the_command_needs_an_address_and_a_key(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.delenv("METABASE_URL", raising=False)
    monkeypatch.setenv("METABASE_API_KEY", KEY)
    assert main(["apply-metabase"]) == 2
    assert capsys.readouterr().err == "error: METABASE_URL or METABASE_API_KEY is not set: set both\n"


@pytest.mark.slow
def test_the_command_fills_metabase_and_exits_by_the_scheme(
    server: str, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setenv("METABASE_URL", f"{server}/")
    monkeypatch.setenv("METABASE_API_KEY", KEY)
    assert main(["apply-metabase"]) == 0
    assert f"prices: {server}/dashboard/" in capsys.readouterr().out
    assert main(["apply-metabase", "--database", "other"]) == 1
    assert capsys.readouterr().err.startswith("error: no database in Metabase is named 'other'")


def error_of(port: int, key: str = KEY) -> str:
    with pytest.raises(MetabaseError) as raised:
        MetabaseClient(f"http://127.0.0.1:{port}", key).request("GET", "database")
    return str(raised.value)

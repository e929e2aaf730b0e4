"""The script that fills an open-source Metabase, against a server that keeps what it is sent."""

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
from dashboards.apply_metabase import Metabase, MetabaseError, Model, apply, database_id, describe, described_models
from dashboards.catalog import cards, dashboards

pytestmark = pytest.mark.loopback
KEY = "mb_a_key_of_nobody"

SYNCED: dict[str, dict[int, dict[str, Any]]] = {
    "table": {3: {"id": 3, "name": "dim_symbol", "schema": "published", "description": None}},
    "field": {
        11: {"id": 11, "table_id": 3, "name": "symbol", "base_type": "type/Text", "description": None},
        12: {"id": 12, "table_id": 3, "name": "stranger", "base_type": "type/Float", "description": "theirs"},
    },
}


class Fake(BaseHTTPRequestHandler):
    """Metabase's answers as its API documents them, for what the script asks."""

    store: dict[str, dict[int, dict[str, Any]]]

    def log_message(self, *_: object) -> None:
        pass

    def _answer(self, status: int, body: object) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def do_GET(self) -> None:
        if self.headers["x-api-key"] != KEY:
            self._answer(401, "Unauthenticated")
        elif self.path == "/api/database":
            self._answer(200, {"data": [{"id": 1, "name": "Sample"}, {"id": 7, "name": "tickerlake"}], "total": 2})
        elif self.path == "/api/database/7/metadata":
            fields = [field for field in self.store["field"].values() if field["table_id"] == 3]
            self._answer(
                200, {"id": 7, "tables": [{**table, "fields": fields} for table in self.store["table"].values()]}
            )
        elif self.path == "/api/collection":
            self._answer(200, [{"id": "root", "name": "Our analytics"}, *self.store["collection"].values()])
        elif found := re.match(r"/api/collection/(\d+)/items\?", self.path):
            items = [
                {"id": number, "name": item["name"], "model": kind}
                for kind in ("card", "dashboard")
                for number, item in self.store[kind].items()
                if item["collection_id"] == int(found[1])
            ]
            self._answer(200, {"data": items, "total": len(items)})
        else:
            self._answer(404, "Not found.")

    def do_POST(self) -> None:
        kind, body = self.path.removeprefix("/api/"), self._body()
        number = sum(len(kept) for kept in self.store.values()) + 100
        self.store[kind][number] = {**body, "id": number}
        self._answer(200, self.store[kind][number])

    def do_PUT(self) -> None:
        kind, number = self.path.removeprefix("/api/").split("/")
        if int(number) not in self.store[kind]:
            self._answer(404, "Not found.")
            return
        self.store[kind][int(number)] |= self._body()
        self._answer(200, self.store[kind][int(number)])

    def _body(self) -> dict[str, Any]:
        assert self.headers["x-api-key"] == KEY
        return dict(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(
        Fake, "store", deepcopy({"collection": {}, "card": {}, "dashboard": {}, **SYNCED}), raising=False
    )
    with ThreadingHTTPServer(("127.0.0.1", 0), Fake) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_address[1]}"
        running.shutdown()


def test_every_card_and_dashboard_is_made_and_then_kept(server: str) -> None:
    made = apply(Metabase(server, KEY), 7)
    first = json.loads(json.dumps(Fake.store))
    assert apply(Metabase(server, KEY), 7) == made
    assert json.loads(json.dumps(Fake.store)) == first  # nothing twice
    by_name = {card["name"]: card for card in Fake.store["card"].values()}
    assert by_name.keys() == {card.title for card in cards()}
    for card in cards():
        asked = by_name[card.title]["dataset_query"]
        assert (asked["database"], asked["native"]["query"]) == (7, metabase.query(card))
        assert list(asked["native"]["template-tags"]) == metabase.tags(card)
    for name, board in dashboards().items():
        kept = Fake.store["dashboard"][made[name]]
        titles = [Fake.store["card"][placed["card_id"]]["name"] for placed in kept["dashcards"]]
        assert titles == [card.title for card in board.cards]
        filters = {parameter["id"] for parameter in kept["parameters"]}
        for placed in kept["dashcards"]:
            assert placed["id"] < 0
            assert {mapping["parameter_id"] for mapping in placed["parameter_mappings"]} <= filters
            assert {mapping["card_id"] for mapping in placed["parameter_mappings"]} <= {placed["card_id"]}


def test_a_changed_card_is_changed_in_place(server: str) -> None:
    apply(Metabase(server, KEY), 7)
    number, card = next(iter(Fake.store["card"].items()))
    card["dataset_query"] = {}
    apply(Metabase(server, KEY), 7)
    assert Fake.store["card"][number]["dataset_query"]["database"] == 7


def test_tables_and_columns_get_the_words_of_the_models(server: str) -> None:
    models = {"dim_symbol": Model("One row a symbol.", {"symbol": "The ticker."})}
    assert describe(Metabase(server, KEY), 7, models) == 2
    assert Fake.store["table"][3]["description"] == "One row a symbol."
    symbol = Fake.store["field"][11]
    assert (symbol["description"], symbol["semantic_type"]) == ("The ticker.", "type/Category")
    assert Fake.store["field"][12]["description"] == "theirs"
    assert describe(Metabase(server, KEY), 7, models) == 0


@pytest.mark.slow
def test_every_mart_that_a_card_reads_is_described() -> None:
    models = described_models()
    for card in cards():
        for read in re.findall(r"(?:from|join) (\w+)", card.sql):
            assert read == "levels" or (models[read].description and all(models[read].columns.values())), read


@pytest.mark.parametrize(("key", "database", "reason"), [("mb_wrong", "tickerlake", "401"), (KEY, "other", "'other'")])
def test_a_refusal_says_why_and_tells_no_key(server: str, key: str, database: str, reason: str) -> None:
    with pytest.raises(MetabaseError, match=reason) as refused:
        apply(Metabase(server, key), database_id(Metabase(server, key), database))
    assert key not in str(refused.value)
    assert not Fake.store["collection"]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n<html>", "200, no JSON: <html>"),
        (b"HTTP/1.1 302 Found\r\nLocation: /login\r\n\r\n", "302 "),
        (b"HTTP/1.1 500 Broken\r\n\r\n" + 301 * b"x", "500 " + 300 * "x"),
        (b"", "Remote end closed connection without response"),
    ],
)
def test_an_answer_that_is_none_is_told(raw: bytes, reason: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            asker, _ = server.accept()
            with asker:
                asker.recv(10_000)
                asker.sendall(raw)

        threading.Thread(target=answer, daemon=True).start()
        assert refusal(server.getsockname()[1]) == f"GET /api/database: {reason}"


def test_silence_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apply_metabase, "_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert refusal(port) == "GET /api/database: timed out"
    assert re.fullmatch(r"GET /api/database: \[Errno \d+\] Connection refused", refusal(port))


@pytest.mark.parametrize("key", [f"{KEY}\n", f"{KEY}…"])
def test_a_key_that_no_header_takes_is_not_told(key: str) -> None:
    assert refusal(1, key) == "GET /api/database: the key cannot be sent in a header"


def refusal(port: int, key: str = KEY) -> str:
    with pytest.raises(MetabaseError) as refused:
        Metabase(f"http://127.0.0.1:{port}", key).ask("GET", "database")
    return str(refused.value)

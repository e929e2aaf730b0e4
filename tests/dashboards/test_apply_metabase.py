"""The script that fills an open-source Metabase, against a server that keeps what it is sent."""

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from dashboards import metabase
from dashboards.apply_metabase import Metabase, MetabaseError, apply
from dashboards.catalog import cards, dashboards

pytestmark = pytest.mark.loopback
KEY = "mb_a_key_of_nobody"


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
        elif self.path == "/api/collection":
            self._answer(200, [{"id": "root", "name": "Our analytics"}, *self.store["collection"].values()])
        elif found := re.match(r"/api/collection/(\d+)/items\?", self.path):
            items = [
                {"id": number, "name": item["name"], "model": kind}
                for kind in ("card", "dashboard") for number, item in self.store[kind].items()
                if item["collection_id"] == int(found[1])
            ]  # fmt: skip
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
    monkeypatch.setattr(Fake, "store", {"collection": {}, "card": {}, "dashboard": {}}, raising=False)
    with ThreadingHTTPServer(("127.0.0.1", 0), Fake) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_address[1]}"
        running.shutdown()


def test_every_card_and_dashboard_is_made_and_then_kept(server: str) -> None:
    made = apply(Metabase(server, KEY), "tickerlake")
    first = json.loads(json.dumps(Fake.store))
    assert apply(Metabase(server, KEY), "tickerlake") == made
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
    apply(Metabase(server, KEY), "tickerlake")
    number, card = next(iter(Fake.store["card"].items()))
    card["dataset_query"] = {}
    apply(Metabase(server, KEY), "tickerlake")
    assert Fake.store["card"][number]["dataset_query"]["database"] == 7


@pytest.mark.parametrize(("key", "database", "reason"), [("mb_wrong", "tickerlake", "401"), (KEY, "other", "'other'")])
def test_a_refusal_says_why_and_tells_no_key(server: str, key: str, database: str, reason: str) -> None:
    with pytest.raises(MetabaseError, match=reason) as refused:
        apply(Metabase(server, key), database)
    assert key not in str(refused.value)
    assert not Fake.store["collection"]

"""Create or update the cards and dashboards in an open-source Metabase, through its API."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import requests
import yaml

from dashboards import metabase
from dashboards.catalog import cards, dashboards
from pipeline.dbt import Dbt, public_models

_SECONDS = 60
_NEW_ID = -1  # Metabase expects negative ids for cards that are new on a dashboard


@dataclass(frozen=True, slots=True)
class TableDescription:
    """The description of a published view, and of its columns by name."""

    description: str
    columns: Mapping[str, str]


class MetabaseError(Exception):
    """A request failed, or Metabase lacks what is needed; the text says which, and never holds the key."""


class MetabaseClient:
    """A client of Metabase's API with an API key (Admin settings, Authentication, API keys)."""

    def __init__(self, address: str, key: str) -> None:
        self._address, self._key = address.rstrip("/"), key

    def request(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Send a request and return the response's JSON. Raises MetabaseError."""
        try:
            response = requests.request(
                method,
                f"{self._address}/api/{path}",
                json=body,
                headers={"x-api-key": self._key},
                timeout=_SECONDS,
                allow_redirects=False,
            )
        except (requests.exceptions.InvalidHeader, UnicodeEncodeError):  # their texts hold the key or a part of it
            raise MetabaseError(f"{method} /api/{path}: the key cannot be sent in a header") from None
        except requests.RequestException as error:
            raise MetabaseError(f"{method} /api/{path}: {_root_cause(error)}") from None
        text = response.content.decode(errors="replace")[:300]
        if response.status_code >= 300:
            raise MetabaseError(f"{method} /api/{path}: {response.status_code} {text}")
        try:
            return response.json()
        except requests.JSONDecodeError:
            raise MetabaseError(f"{method} /api/{path}: {response.status_code}, no JSON: {text}") from None

    def upsert(self, kind: str, ids: Mapping[str, int], body: Mapping[str, Any]) -> int:
        """Update the item of this kind and name, or create it. Returns its id; `ids` are the existing ones by name."""
        if body["name"] in ids:
            return int(self.request("PUT", f"{kind}/{ids[body['name']]}", body)["id"])
        return int(self.request("POST", kind, body)["id"])


def database_id(client: MetabaseClient, name: str) -> int:
    """Return the database's id. Raises MetabaseError without one: connecting a database needs credentials."""
    ids = _ids_by_name(client.request("GET", "database")["data"])
    if name not in ids:
        raise MetabaseError(f"no database in Metabase is named '{name}': add it in the admin settings")
    return ids[name]


def apply(client: MetabaseClient, source: int, collection: str = "tickerlake") -> dict[str, int]:
    """Make the collection equal to the cards, by their titles; other items in it stay. Returns the dashboards' ids.

    `source` is the database's id. Raises MetabaseError.
    """
    home = _ids_by_name(client.request("GET", "collection")).get(collection)
    if home is None:
        home = int(client.request("POST", "collection", {"name": collection})["id"])
    items = client.request("GET", f"collection/{home}/items?models=card&models=dashboard&limit=1000")["data"]
    ids = {kind: _ids_by_name([item for item in items if item["model"] == kind]) for kind in ("card", "dashboard")}
    files = {path.stem: yaml.safe_load(text) for path, text in metabase.render().items()}
    card_ids = {
        files[card.name]["entity_id"]: client.upsert("card", ids["card"], _card(files[card.name], source, home))
        for card in cards()
    }
    dashboard_ids = {}
    for name in dashboards():
        file = files[f"dashboard_{name}"]
        head = {"name": file["name"], "description": file["description"], "collection_id": home}
        dashboard_ids[name] = client.upsert("dashboard", ids["dashboard"], head)
        dashcards = [_dashcard(card, card_ids, _NEW_ID - number) for number, card in enumerate(file["dashcards"])]
        body = {"parameters": file["parameters"], "dashcards": dashcards}
        client.request("PUT", f"dashboard/{dashboard_ids[name]}", body)
    return dashboard_ids


def describe(client: MetabaseClient, source: int, descriptions: Mapping[str, TableDescription]) -> int:
    """Set the descriptions of tables and columns, and make text columns categories. Returns how many were changed."""
    changed = 0
    for table in client.request("GET", f"database/{source}/metadata")["tables"]:
        described = descriptions.get(table["name"])
        if described is None:
            continue
        wanted = [(f"table/{table['id']}", table, {"description": described.description})]
        for field in table["fields"]:
            values = {"description": described.columns.get(field["name"]) or field.get("description")}
            if field["base_type"] == "type/Text":
                values["semantic_type"] = "type/Category"
            wanted.append((f"field/{field['id']}", field, values))
        for path, item, values in wanted:
            if any(item.get(key) != value for key, value in values.items()):
                client.request("PUT", path, values)
                changed += 1
    return changed


def read_descriptions() -> dict[str, TableDescription]:
    """Read the descriptions of the published views from the dbt project, by the view's name. Raises UserError."""
    return {
        node.alias: TableDescription(
            node.description, {name: column.description for name, column in node.columns.items()}
        )
        for node in public_models(Dbt("local"))
    }


def _root_cause(error: BaseException) -> BaseException:
    """Return the exception of the operating system; those around it name urllib3's pools."""
    while error.__context__:
        error = error.__context__
    return error


def _ids_by_name(items: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    return {item["name"]: item["id"] for item in items}


def _card(file: Mapping[str, Any], database: int, home: int) -> dict[str, Any]:
    (stage,) = file["dataset_query"]["stages"]
    native = {"query": stage["native"], "template-tags": {tag["name"]: tag for tag in stage["template-tags"]}}
    return {
        "name": file["name"],
        "description": file["description"],
        "collection_id": home,
        "display": file["display"],
        "dataset_query": {"type": "native", "database": database, "native": native},
        "visualization_settings": file["visualization_settings"],
    }


def _dashcard(file: Mapping[str, Any], ids: Mapping[str, int], number: int) -> dict[str, Any]:
    card = ids[file["card_id"]]
    return {
        "id": number,
        "card_id": card,
        "series": [],
        "visualization_settings": {},
        **{side: file[side] for side in ("row", "col", "size_x", "size_y")},
        "parameter_mappings": [mapping | {"card_id": card} for mapping in file["parameter_mappings"]],
    }

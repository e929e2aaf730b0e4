"""Put the cards and dashboards into an open-source Metabase by its API: `python -m dashboards.apply_metabase`."""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import requests
import yaml

from dashboards import metabase
from dashboards.catalog import cards, dashboards
from pipeline.dbt import Dbt, public_models
from tickerlake.errors import UserError

_SECONDS = 60
_NEWCOMER = -1  # Metabase takes negative ids for cards that are new on a dashboard


@dataclass(frozen=True, slots=True)
class Model:
    """What a published view and its columns are, in words."""

    description: str
    columns: Mapping[str, str]


class MetabaseError(Exception):
    """Metabase refused, cannot be reached, or lacks what is needed; the text says which, never the key."""


class Metabase:
    """A Metabase, asked with an API key (Admin settings, Authentication, API keys)."""

    def __init__(self, address: str, key: str) -> None:
        self._address, self._key = address.rstrip("/"), key

    def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Send a request; gives the answer's JSON. Raises MetabaseError."""
        try:
            answer = requests.request(
                method,
                f"{self._address}/api/{path}",
                json=body,
                headers={"x-api-key": self._key},
                timeout=_SECONDS,
                allow_redirects=False,
            )
        except (requests.exceptions.InvalidHeader, UnicodeEncodeError):  # whose texts hold the key or some of it
            raise MetabaseError(f"{method} /api/{path}: the key cannot be sent in a header") from None
        except requests.RequestException as error:
            raise MetabaseError(f"{method} /api/{path}: {_innermost(error)}") from None
        text = answer.content.decode(errors="replace")[:300]
        if answer.status_code >= 300:
            raise MetabaseError(f"{method} /api/{path}: {answer.status_code} {text}")
        try:
            return answer.json()
        except requests.JSONDecodeError:
            raise MetabaseError(f"{method} /api/{path}: {answer.status_code}, no JSON: {text}") from None

    def kept(self, kind: str, known: Mapping[str, int], body: Mapping[str, Any]) -> int:
        """Change what has this name, else make it; gives its id."""
        if body["name"] in known:
            return int(self.ask("PUT", f"{kind}/{known[body['name']]}", body)["id"])
        return int(self.ask("POST", kind, body)["id"])


def database_id(target: Metabase, name: str) -> int:
    """Find the database. Raises MetabaseError when there is none: connecting it takes credentials, hence a person."""
    found = _named(target.ask("GET", "database")["data"])
    if name not in found:
        raise MetabaseError(f"no database is called '{name}': add it in Metabase's admin settings first")
    return found[name]


def apply(target: Metabase, source: int, collection: str = "tickerlake") -> dict[str, int]:
    """Make the collection equal to the cards, by their titles; what else is in it stays. Gives the dashboards' ids.

    `source` is the database's id. Raises MetabaseError.
    """
    home = _named(target.ask("GET", "collection")).get(collection)
    if home is None:
        home = int(target.ask("POST", "collection", {"name": collection})["id"])
    items = target.ask("GET", f"collection/{home}/items?models=card&models=dashboard&limit=1000")["data"]
    known = {model: _named([item for item in items if item["model"] == model]) for model in ("card", "dashboard")}
    files = {path.stem: yaml.safe_load(text) for path, text in metabase.render().items()}
    ids = {
        files[card.name]["entity_id"]: target.kept("card", known["card"], _card(files[card.name], source, home))
        for card in cards()
    }
    made = {}
    for name in dashboards():
        file = files[f"dashboard_{name}"]
        head = {"name": file["name"], "description": file["description"], "collection_id": home}
        made[name] = target.kept("dashboard", known["dashboard"], head)
        placed = [_placed(card, ids, _NEWCOMER - number) for number, card in enumerate(file["dashcards"])]
        target.ask("PUT", f"dashboard/{made[name]}", {"parameters": file["parameters"], "dashcards": placed})
    return made


def describe(target: Metabase, source: int, models: Mapping[str, Model]) -> int:
    """Give tables and columns their descriptions, and texts the type of a category. Gives how many were changed."""
    changed = 0
    for table in target.ask("GET", f"database/{source}/metadata")["tables"]:
        model = models.get(table["name"])
        if model is None:
            continue
        wanted = [(f"table/{table['id']}", table, {"description": model.description})]
        for field in table["fields"]:
            told = {"description": model.columns.get(field["name"]) or field.get("description")}
            if field["base_type"] == "type/Text":
                told["semantic_type"] = "type/Category"
            wanted.append((f"field/{field['id']}", field, told))
        for path, has, told in wanted:
            if any(has.get(key) != value for key, value in told.items()):
                target.ask("PUT", path, told)
                changed += 1
    return changed


def described_models() -> dict[str, Model]:
    """Read what readers see from the dbt project, by the view's name. Raises UserError."""
    return {
        node.alias: Model(node.description, {name: column.description for name, column in node.columns.items()})
        for node in public_models(Dbt("local"))
    }


def _innermost(error: BaseException) -> BaseException:
    """Give what the system said; the exceptions around it tell of urllib3's pools."""
    while error.__context__:
        error = error.__context__
    return error


def _named(found: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    return {item["name"]: item["id"] for item in found}


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


def _placed(file: Mapping[str, Any], ids: Mapping[str, int], number: int) -> dict[str, Any]:
    card = ids[file["card_id"]]
    return {
        "id": number,
        "card_id": card,
        "series": [],
        "visualization_settings": {},
        **{side: file[side] for side in ("row", "col", "size_x", "size_y")},
        "parameter_mappings": [mapping | {"card_id": card} for mapping in file["parameter_mappings"]],
    }


def main() -> int:
    """Apply to METABASE_URL with METABASE_API_KEY."""
    parser = argparse.ArgumentParser(prog="python -m dashboards.apply_metabase", description=__doc__)
    parser.add_argument("--database", default="tickerlake", help="the database's name in Metabase")
    options = parser.parse_args()
    address, key = os.environ.get("METABASE_URL", ""), os.environ.get("METABASE_API_KEY", "")
    if not (address and key):
        print("error: set METABASE_URL and METABASE_API_KEY", file=sys.stderr)
        return 2
    try:
        target = Metabase(address, key)
        source = database_id(target, options.database)
        made = apply(target, source)
        changed = describe(target, source, described_models())
    except (MetabaseError, UserError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{changed} descriptions and types changed")
    for name, number in made.items():
        print(f"{name}: {address.rstrip('/')}/dashboard/{number}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

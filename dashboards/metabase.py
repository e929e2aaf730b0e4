"""Cards and dashboards in Metabase's serialisation format."""

import base64
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

from dashboards.catalog import Card, Dashboard, Filters, as_yaml, dashboards, identifier, with_filters

DATABASE = "tickerlake"
_DISPLAYS = {
    "candlestick": "line",
    "lines": "line",
    "bars": "bar",
    "heatmap": "pivot",
    "points": "scatter",
    "table": "table",
}
_TAGS = {
    "symbols": ("text", "Symbols, by comma"),
    "first": ("date", "First date"),
    "last": ("date", "Last date"),
    "interval": ("text", "Length of bars"),
}
_OPTIONAL = re.compile(r"\[\[(.*?)\]\]", re.DOTALL)
_TAG = re.compile(r"\{\{(\w+)\}\}")
_BY = "internal@metabase.com"


def query(card: Card) -> str:
    """Return the card's query with template tags; every filter but the length of bars may stay empty."""
    return with_filters(
        card.sql,
        {
            "symbols": lambda column: f"(true [[and contains(split({{{{symbols}}}}, ','), {column})]])",
            "dates": lambda column: (
                f"(true [[and {column} >= cast({{{{first}}}} as date)]] [[and {column} <= cast({{{{last}}}} as date)]])"
            ),
            "times": lambda column: (
                f"(true [[and {column} >= cast({{{{first}}}} as timestamp)]]"
                f" [[and {column} < cast({{{{last}}}} as timestamp) + interval '1' day]])"
            ),
            "partition": lambda column: (
                f"(true [[and {column} >= cast({{{{first}}}} as date) - interval '1' day]]"
                f" [[and {column} <= cast({{{{last}}}} as date) + interval '1' day]])"
            ),
            "interval": lambda column: f"{column} = {{{{interval}}}}",
        },
    )


def tags(card: Card) -> list[str]:
    """Return the names of the card's template tags."""
    return list(dict.fromkeys(_TAG.findall(query(card))))


def expand(sql: str, chosen: Filters) -> str:
    """Replace template tags as Metabase does: values quoted, optional clauses without a value left out."""
    return fill(
        sql,
        {
            "symbols": ",".join(chosen.symbols),
            "first": f"{chosen.first}",
            "last": f"{chosen.last}",
            "interval": chosen.interval,
        },
    )


def fill(sql: str, values: Mapping[str, str]) -> str:
    """Replace tags by quoted values. Raises KeyError when a tag outside an optional clause has no value."""

    def clause_or_nothing(clause: re.Match[str]) -> str:
        return clause[1] if all(values.get(name) for name in _TAG.findall(clause[1])) else ""

    return _TAG.sub(lambda tag: "'" + values[tag[1]].replace("'", "''") + "'", _OPTIONAL.sub(clause_or_nothing, sql))


def render() -> dict[Path, str]:
    """Return the collection's files, by path."""
    home = _entity("collection")
    collection = {
        "name": "tickerlake",
        "entity_id": home,
        "slug": "tickerlake",
        "serdes/meta": _meta(home, "Collection"),
    }
    files = {Path("collections/main/tickerlake.yaml"): as_yaml(collection)}
    for name, board in dashboards().items():
        files[Path(f"collections/main/tickerlake/dashboard_{name}.yaml")] = as_yaml(_dashboard(board))
        for card in board.cards:
            files[Path(f"collections/main/tickerlake/{card.name}.yaml")] = as_yaml(_card(card))
    return files


def _card(card: Card) -> dict[str, Any]:
    entity = _entity("card", card.name)
    stage = {"lib/type": "mbql.stage/native", "native": query(card), "template-tags": [_tag(n) for n in tags(card)]}
    settings: dict[str, Any] = {}
    if card.x:
        dimensions = [card.x, card.series] if len(card.y) == 1 else [card.x]
        settings = {"graph.dimensions": dimensions, "graph.metrics": list(card.y)}
    if card.chart_type == "heatmap":
        settings = {"pivot_table.column_split": {"rows": [card.series], "columns": [card.x], "values": list(card.y)}}
    return {
        "name": card.title,
        "description": card.description,
        "entity_id": entity,
        "creator_id": _BY,
        "collection_id": _entity("collection"),
        "display": _DISPLAYS[card.chart_type],
        "database_id": DATABASE,
        "dataset_query": {"lib/type": "mbql/query", "database": DATABASE, "stages": [stage]},
        "visualization_settings": settings,
        "serdes/meta": _meta(entity, "Card", card.name),
    }


def _tag(name: str) -> dict[str, Any]:
    kind, label = _TAGS[name]
    tag: dict[str, Any] = {"type": kind, "name": name, "id": identifier("metabase", "tag", name), "display-name": label}
    return tag | ({"default": "1min", "required": True} if name == "interval" else {})


def _dashboard(board: Dashboard) -> dict[str, Any]:
    entity = _entity("dashboard", board.name)
    used = [name for name in _TAGS if any(name in tags(card) for card in board.cards)]
    return {
        "name": board.title,
        "description": board.description,
        "entity_id": entity,
        "creator_id": _BY,
        "collection_id": _entity("collection"),
        "parameters": [_parameter(board, name) for name in used],
        "tabs": [],
        "dashcards": [_dashcard(board, card, number) for number, card in enumerate(board.cards)],
        "serdes/meta": _meta(entity, "Dashboard", board.name),
    }


def _parameter(board: Dashboard, name: str) -> dict[str, Any]:
    kind, label = _TAGS[name]
    parameter: dict[str, Any] = {
        "id": identifier("metabase", board.name, name),
        "name": label,
        "slug": name,
        "type": "date/single" if kind == "date" else "string/=",
    }
    return parameter | ({"default": ["1min"], "required": True} if name == "interval" else {})


def _dashcard(board: Dashboard, card: Card, number: int) -> dict[str, Any]:
    entity = _entity("dashcard", board.name, card.name)
    return {
        "entity_id": entity,
        "card_id": _entity("card", card.name),
        "row": 6 * (number // 2),
        "col": 12 * (number % 2),
        "size_x": 12,
        "size_y": 6,
        "parameter_mappings": [
            {
                "card_id": _entity("card", card.name),
                "parameter_id": identifier("metabase", board.name, name),
                "target": ["variable", ["template-tag", name]],
            }
            for name in tags(card)
        ],
        "series": [],
        "visualization_settings": {},
        "serdes/meta": [
            {"id": _entity("dashboard", board.name), "model": "Dashboard"},
            {"id": entity, "model": "DashboardCard"},
        ],
    }


def _entity(*parts: str) -> str:
    """Return an id in Metabase's form, 21 letters and digits, that stays the same."""
    encoded = base64.urlsafe_b64encode(UUID(identifier("metabase", *parts)).bytes).decode().rstrip("=")
    return encoded[:21]


def _meta(entity: str, model: str, label: str = "tickerlake") -> list[dict[str, str]]:
    return [{"id": entity, "label": label, "model": model}]

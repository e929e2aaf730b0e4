"""The contract of the published tables: columns, types, keys, allowed values and descriptions.

`make contract` writes it to contract.json from dbt's manifest, so what `models/**/*.yml` promises is what the API
documents and what the PostgreSQL copy declares, without dbt.
"""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

CONTRACT = Path(__file__).parent / "contract.json"
_JSON_TYPES = {
    "varchar": {"type": "string"},
    "timestamp": {"type": "string", "format": "date-time"},
    "date": {"type": "string", "format": "date"},
    "boolean": {"type": "boolean"},
    "bigint": {"type": "integer"},
    "integer": {"type": "integer"},
}  # decimals and doubles are numbers


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a mart: its SQL type, description, whether it can be NULL, and its allowed values (() for any)."""

    name: str
    data_type: str
    description: str
    is_nullable: bool
    values: tuple[str, ...]

    def schema(self) -> dict[str, Any]:
        """Return the JSON schema of one value."""
        schema = dict(_JSON_TYPES.get(self.data_type, {"type": "number"}))
        return schema | {"type": [schema["type"], "null"]} if self.is_nullable else schema


@dataclass(frozen=True, slots=True)
class Mart:
    """A published table: its columns in order, and the columns of its key."""

    name: str
    description: str
    columns: dict[str, Column]
    key: tuple[str, ...]


@cache
def marts() -> dict[str, Mart]:
    """Return the contract of every mart, by name."""
    return {name: _read_mart(name, mart) for name, mart in _contract()["marts"].items()}


def published_schema() -> str:
    """Return the name of the schema that holds the published views (the dbt var of that name)."""
    return str(_contract()["published_schema"])


@cache
def _contract() -> dict[str, Any]:
    return dict(json.loads(CONTRACT.read_text()))


def _read_mart(name: str, mart: dict[str, Any]) -> Mart:
    columns = {column["name"]: Column(**column | {"values": tuple(column["values"])}) for column in mart["columns"]}
    return Mart(name, mart["description"], columns, tuple(mart["key"]))

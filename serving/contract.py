"""The published tables as their dbt contracts describe them: columns, types, keys, allowed values, texts.

One source: what `models/**/*.yml` promises is what the API documents and what the PostgreSQL copy declares.
"""

import re
from dataclasses import dataclass
from functools import cache
from typing import Any

import yaml

from tickerlake.errors import UserError
from tickerlake.lake import PROJECT

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
    """One column: its type in SQL, its text, whether it may be NULL, and the values it may hold ('' for any)."""

    name: str
    data_type: str
    description: str
    is_nullable: bool
    values: tuple[str, ...]

    def schema(self) -> dict[str, Any]:
        """Give the JSON schema of one value."""
        schema = dict(_JSON_TYPES.get(self.data_type, {"type": "number"}))
        return schema | {"type": [schema["type"], "null"]} if self.is_nullable else schema


@dataclass(frozen=True, slots=True)
class Mart:
    """One published table: its columns in order, and the key that its first uniqueness test states."""

    name: str
    description: str
    columns: dict[str, Column]
    key: tuple[str, ...]


@cache
def marts() -> dict[str, Mart]:
    """Read every mart's contract. Raises UserError when the models are not there."""
    files = sorted((PROJECT / "models" / "marts").rglob("*.yml"))
    if not files:
        raise UserError(f"no models in '{PROJECT}/models': the contracts come from there")
    texts = dict(re.findall(r"{% docs (\w+) %}(.*?){% enddocs %}", (PROJECT / "models" / "_columns.md").read_text()))
    described = [model for file in files for model in yaml.safe_load(file.read_text()).get("models", [])]
    return {model["name"]: _mart(model, texts) for model in described}


def _mart(model: dict[str, Any], texts: dict[str, str]) -> Mart:
    def text(source: str) -> str:
        return " ".join(re.sub(r"{{ doc\('(\w+)'\) }}", lambda found: texts[found[1]], source).split())

    columns: dict[str, Column] = {}
    key: tuple[str, ...] = ()
    for test in model.get("data_tests", []):
        if isinstance(test, dict) and "unique_key" in test and not key:
            key = tuple(test["unique_key"]["arguments"]["columns"])
    for column in model["columns"]:
        tests = column.get("data_tests", [])
        names = [next(iter(test)) if isinstance(test, dict) else test for test in tests]
        allowed = [
            tuple(test["accepted_values"]["arguments"]["values"])
            for test in tests
            if isinstance(test, dict) and "accepted_values" in test
        ]
        if "unique" in names and not key:
            key = (column["name"],)
        columns[column["name"]] = Column(
            column["name"],
            column["data_type"],
            text(column.get("description", "")),
            "not_null" not in names,
            tuple(str(value) for value in allowed[0]) if allowed else (),
        )
    key_columns = {name: column for name, column in columns.items() if name in key}
    for name, column in key_columns.items():
        columns[name] = Column(name, column.data_type, column.description, False, column.values)
    return Mart(model["name"], text(model["description"]), columns, key)

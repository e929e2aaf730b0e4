"""After publishing on AWS: the descriptions of views' columns, from the models' YAML into Glue's catalogue.

Views are made anew at every release and lose them. Tables are left alone: their entry is what an Iceberg commit
replaces, and a description written in between would take the commit back. A view's own description stays,
too: the engine knows a view by it.
"""

import os
from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.dbt import Dbt, public_models

_KEPT = (
    "Name",
    "Description",
    "Owner",
    "Retention",
    "PartitionKeys",
    "ViewOriginalText",
    "ViewExpandedText",
    "TableType",
    "Parameters",
)
_LONGEST = 255
"""Bytes that Glue takes as a column's comment."""


def describe(dbt: Dbt, glue: Any) -> Iterator[str]:
    """Write the descriptions of all published views, and say how many. Raises botocore's exceptions."""
    schema = os.environ.get("TICKERLAKE_PUBLISHED_SCHEMA") or dbt.variable("published_schema")
    done = 0
    for node in public_models(dbt):
        found = glue.get_table(DatabaseName=schema, Name=node.alias)["Table"]
        columns = {name.lower(): column.description for name, column in node.columns.items()}
        glue.update_table(DatabaseName=schema, TableInput=described(found, columns), SkipArchive=True)
        done += 1
    yield f"described {done} views of {schema}"


def described(table: Mapping[str, Any], columns: Mapping[str, str]) -> dict[str, Any]:
    """Give a table's entry with its columns described, everything else as it was."""
    entry = {name: table[name] for name in _KEPT if name in table}
    storage = dict(table.get("StorageDescriptor", {}))
    storage["Columns"] = [
        {**column, **({"Comment": _short(columns[column["Name"]])} if columns.get(column["Name"]) else {})}
        for column in storage.get("Columns", [])
    ]
    return {**entry, "StorageDescriptor": storage}


def _short(text: str) -> str:
    words = " ".join(text.split()).encode()[:_LONGEST]
    return words.decode(errors="ignore")

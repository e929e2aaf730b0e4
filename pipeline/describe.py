"""After publishing on AWS: copy the descriptions of columns from the models' YAML to the published views in Glue.

Every release recreates the views, which drops their comments. Tables are left alone: an Iceberg commit replaces their
entry in Glue, and an update in between would undo the commit. A view's own description stays, too: the engine
recognises a view by it.
"""

import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

from pipeline.dbt import Dbt, public_models

if TYPE_CHECKING:
    from mypy_boto3_glue import GlueClient
    from mypy_boto3_glue.type_defs import TableInputTypeDef, TableTypeDef

_COPIED_KEYS = (
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
_MAX_COMMENT_BYTES = 255
"""Glue's limit for a column's comment."""


def describe(dbt: Dbt, glue: "GlueClient") -> Iterator[str]:
    """Write the column comments of all published views and yield their number. Raises botocore's exceptions."""
    schema = os.environ.get("TICKERLAKE_PUBLISHED_SCHEMA") or dbt.variable("published_schema")
    count = 0
    for node in public_models(dbt):
        table = glue.get_table(DatabaseName=schema, Name=node.alias)["Table"]
        comments = {name.lower(): column.description for name, column in node.columns.items()}
        glue.update_table(DatabaseName=schema, TableInput=add_comments(table, comments), SkipArchive=True)
        count += 1
    yield f"described {count} views of {schema}"


def add_comments(table: "TableTypeDef", comments: Mapping[str, str]) -> "TableInputTypeDef":
    """Return a table's entry with comments on its columns and everything else unchanged."""
    entry = {name: value for name, value in table.items() if name in _COPIED_KEYS}
    storage: Any = dict(table.get("StorageDescriptor", {}))
    storage["Columns"] = [
        {**column, **({"Comment": _truncate(comments[column["Name"]])} if comments.get(column["Name"]) else {})}
        for column in storage.get("Columns", [])
    ]
    return cast("TableInputTypeDef", {**entry, "StorageDescriptor": storage})


def _truncate(text: str) -> str:
    content = " ".join(text.split()).encode()[:_MAX_COMMENT_BYTES]
    return content.decode(errors="ignore")

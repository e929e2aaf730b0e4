"""Statements that change or show the Glue catalog itself; changes of Iceberg tables are made by Trino."""

import base64
import json
from collections.abc import Callable
from typing import Any, cast

from local_aws.athena.errors import StatementError
from local_aws.athena.results import ResultRows
from local_aws.athena.sql_text import quote_literals
from local_aws.athena.types import to_hive_type, to_trino_type
from local_aws.boto_types import GlueClient, GlueColumn, GlueTable
from local_aws.catalogs import ICEBERG

_TABLE_INPUT_FIELDS = (
    "Name",
    "TableType",
    "Parameters",
    "StorageDescriptor",
    "PartitionKeys",
    "ViewOriginalText",
    "ViewExpandedText",
    "Description",
    "Owner",
)
_PARTITIONS_PER_CALL = 100  # Glue's limit

Partitions = list[tuple[dict[str, str], str | None]]
"""(values by partition key, location or None) of each partition that a statement names."""


class GlueActions:
    """The actions that a plan names. `run_sql` runs a statement in Trino, for what Glue alone cannot change."""

    def __init__(self, glue: GlueClient, run_sql: Callable[[str], object], results: ResultRows) -> None:
        self._glue = glue
        self._run_sql = run_sql
        self._results = results

    def create_table(self, database: str, table: Any, if_not_exists: bool) -> None:
        """Create an external table; `table` is Glue's TableInput."""
        try:
            self._glue.create_table(DatabaseName=database, TableInput=table)
        except self._glue.exceptions.AlreadyExistsException:
            if not if_not_exists:
                raise StatementError(
                    "FAILED: Execution Error, return code 1 from org.apache.hadoop.hive.ql.exec.DDLTask. "
                    f"AlreadyExistsException(message:Table {table['Name']} already exists)"
                ) from None
        except self._glue.exceptions.EntityNotFoundException:
            raise StatementError(
                f"FAILED: SemanticException [Error 10072]: Database does not exist: {database}"
            ) from None

    def drop_table(self, database: str, table: str, if_exists: bool) -> None:
        """Delete a table from the catalog; the files of an Iceberg table are deleted too."""
        try:
            definition = self._glue.get_table(DatabaseName=database, Name=table)["Table"]
        except self._glue.exceptions.EntityNotFoundException:
            if if_exists:
                return
            raise _table_not_found(database, table) from None
        if is_iceberg(definition):
            self._run_sql(f"DROP TABLE {_iceberg_name(database, table)}")
        elif definition.get("TableType") == "VIRTUAL_VIEW":
            raise StatementError(f"FAILED: SemanticException [Error 10130]: {table} is a view: use DROP VIEW")
        else:
            self._glue.delete_table(DatabaseName=database, Name=table)

    def set_properties(self, database: str, table: str, values: dict[str, str]) -> None:
        """Run ALTER TABLE SET TBLPROPERTIES."""
        definition = self._get_table(database, table)
        if is_iceberg(definition):
            self._run_sql(
                f"ALTER TABLE {_iceberg_name(database, table)} SET PROPERTIES extra_properties = "
                f"MAP(ARRAY[{quote_literals(values)}], ARRAY[{quote_literals(values.values())}])"
            )
            return
        definition["Parameters"] = {**(definition.get("Parameters") or {}), **values}
        self._update_table(database, definition)

    def add_columns(self, database: str, table: str, columns: list[GlueColumn]) -> None:
        """Run ALTER TABLE ADD COLUMNS."""
        definition = self._get_table(database, table)
        if is_iceberg(definition):
            for column in columns:
                self._run_sql(
                    f"ALTER TABLE {_iceberg_name(database, table)} "
                    f'ADD COLUMN "{column["Name"]}" {to_trino_type(column["Type"])}'
                )
            return
        definition["StorageDescriptor"]["Columns"] += columns
        self._update_table(database, definition)

    def replace_columns(self, database: str, table: str, columns: list[GlueColumn]) -> None:
        """Run ALTER TABLE REPLACE COLUMNS, which only Hive tables have."""
        definition = self._get_table(database, table)
        if is_iceberg(definition):
            raise StatementError("NOT_SUPPORTED: REPLACE COLUMNS is not supported for Iceberg tables", "NOT_SUPPORTED")
        definition["StorageDescriptor"]["Columns"] = columns
        self._update_table(database, definition)

    def add_partitions(self, database: str, table: str, partitions: Partitions, is_lenient: bool) -> None:
        """Run ALTER TABLE ADD [IF NOT EXISTS] PARTITION; `is_lenient` accepts partitions that exist."""
        definition = self._get_hive_table(database, table)
        keys = [key["Name"] for key in definition["PartitionKeys"]]
        storage = definition["StorageDescriptor"]
        root = storage["Location"].rstrip("/")
        inputs = [
            {
                "Values": [values[key] for key in keys],
                "StorageDescriptor": {
                    **storage,
                    "Location": location or root + "/" + "/".join(f"{key}={values[key]}" for key in keys) + "/",
                },
            }
            for values, location in partitions
        ]
        for start in range(0, len(inputs), _PARTITIONS_PER_CALL):
            response = self._glue.batch_create_partition(
                DatabaseName=database,
                TableName=table,
                PartitionInputList=cast(Any, inputs[start : start + _PARTITIONS_PER_CALL]),
            )
            for error in response.get("Errors", []):
                code = error["ErrorDetail"]["ErrorCode"]
                if not (is_lenient and code == "AlreadyExistsException"):
                    raise StatementError(f"FAILED: SemanticException: {code}: partition {error['PartitionValues']}")

    def drop_partitions(self, database: str, table: str, partitions: Partitions, is_lenient: bool) -> None:
        """Run ALTER TABLE DROP [IF EXISTS] PARTITION; `is_lenient` accepts partitions that do not exist."""
        keys = [key["Name"] for key in self._get_hive_table(database, table)["PartitionKeys"]]
        response = self._glue.batch_delete_partition(
            DatabaseName=database,
            TableName=table,
            PartitionsToDelete=[{"Values": [values[key] for key in keys]} for values, _ in partitions],
        )
        if not is_lenient:
            for error in response.get("Errors", []):
                raise StatementError(f"FAILED: SemanticException: partition {error['PartitionValues']} not found")

    def show_partitions(self, database: str, table: str) -> None:
        """Run SHOW PARTITIONS: one `key=value/…` per row."""
        keys = [key["Name"] for key in self._get_hive_table(database, table)["PartitionKeys"]]
        pages = self._glue.get_paginator("get_partitions").paginate(DatabaseName=database, TableName=table)
        partitions = [partition["Values"] for page in pages for partition in page["Partitions"]]
        self._results.add_texts(
            ["partition"],
            [["/".join(f"{key}={value}" for key, value in zip(keys, values, strict=True))] for values in partitions],
        )

    def set_view_columns(self, database: str, view: str) -> None:
        """Write the columns of a view that Trino has created to Glue, as Athena does; Trino writes one named dummy.

        ViewOriginalText holds the definition: `/* Presto View: <base64 of JSON> */`.
        """
        definition = self._get_table(database, view)
        encoded = definition["ViewOriginalText"].split(":", 1)[1].split("*/")[0]
        definition["StorageDescriptor"]["Columns"] = [
            {"Name": column["name"], "Type": to_hive_type(column["type"])}
            for column in json.loads(base64.b64decode(encoded))["columns"]
        ]
        self._update_table(database, definition)

    def show_columns(self, database: str, table: str) -> None:
        """Run SHOW COLUMNS: names only."""
        self._results.add_texts(["field"], [[column["Name"]] for column in self._get_columns(database, table)])

    def describe(self, database: str, table: str) -> None:
        """Run DESCRIBE: name, type and comment of each column, padded as Hive prints them."""
        self._results.add_texts(
            ["col_name", "data_type", "comment"],
            [
                [f"{column['Name']:<20}", f"{column['Type']:<20}", f"{column.get('Comment', ''):<20}"]
                for column in self._get_columns(database, table)
            ],
        )

    def _get_columns(self, database: str, table: str) -> list[GlueColumn]:
        definition = self._get_table(database, table)
        return definition["StorageDescriptor"]["Columns"] + definition.get("PartitionKeys", [])

    def _get_table(self, database: str, table: str) -> GlueTable:
        """Return a table without the fields that Glue adds, so that it can be written back."""
        try:
            definition = self._glue.get_table(DatabaseName=database, Name=table)["Table"]
        except self._glue.exceptions.EntityNotFoundException:
            raise _table_not_found(database, table) from None
        return cast(GlueTable, {key: value for key, value in definition.items() if key in _TABLE_INPUT_FIELDS})

    def _update_table(self, database: str, definition: GlueTable) -> None:
        self._glue.update_table(DatabaseName=database, TableInput=cast(Any, definition))

    def _get_hive_table(self, database: str, table: str) -> GlueTable:
        definition = self._get_table(database, table)
        if is_iceberg(definition):
            raise StatementError(
                f"NOT_SUPPORTED: Iceberg table {database}.{table} has no Hive partitions", "NOT_SUPPORTED"
            )
        if not definition.get("PartitionKeys"):
            raise StatementError(f"FAILED: SemanticException [Error 10009]: {database}.{table} is not partitioned")
        return definition


def is_iceberg(table: GlueTable) -> bool:
    """Return whether a Glue table is an Iceberg table."""
    return (table.get("Parameters") or {}).get("table_type", "").upper() == "ICEBERG"


def _iceberg_name(database: str, table: str) -> str:
    return f'"{ICEBERG}"."{database}"."{table}"'


def _table_not_found(database: str, table: str) -> StatementError:
    return StatementError(
        f"FAILED: SemanticException [Error 10001]: Table not found {database}.{table}", "TABLE_NOT_FOUND"
    )

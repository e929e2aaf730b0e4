"""Statements that change or show the Glue catalogue itself; for Iceberg tables they go to the engine."""

import base64
import json
from collections.abc import Callable
from typing import Any

from local_aws.athena.errors import StatementError
from local_aws.athena.results import Results
from local_aws.athena.text import literal
from local_aws.athena.types import hive_type, trino_type
from local_aws.trino_server import ICEBERG

_TABLE_INPUT = (
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


class GlueActions:
    """The actions by name. `run_sql` runs a statement on the engine, for tables that Glue alone cannot change."""

    def __init__(self, glue: Any, run_sql: Callable[[str], object], results: Results) -> None:
        self._glue = glue
        self._run_sql = run_sql
        self._results = results

    def create_table(self, database: str, table: dict[str, Any], if_not_exists: bool) -> None:
        """Enter an external table as the DDL says it, properties and all."""
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
        """Take a table out of the catalogue; an Iceberg table goes with its files."""
        try:
            found = self._glue.get_table(DatabaseName=database, Name=table)["Table"]
        except self._glue.exceptions.EntityNotFoundException:
            if if_exists:
                return
            raise _not_found(database, table) from None
        if is_iceberg(found):
            self._run_sql(f'DROP TABLE "{ICEBERG}"."{database}"."{table}"')
        elif found.get("TableType") == "VIRTUAL_VIEW":
            raise StatementError(f"FAILED: SemanticException [Error 10130]: {table} is a view: use DROP VIEW")
        else:
            self._glue.delete_table(DatabaseName=database, Name=table)

    def set_properties(self, database: str, table: str, values: dict[str, str]) -> None:
        """ALTER TABLE SET TBLPROPERTIES."""
        found = self._table(database, table)
        if is_iceberg(found):
            keys, texts = (", ".join(map(literal, part)) for part in (values, values.values()))
            self._run_sql(
                f'ALTER TABLE "{ICEBERG}"."{database}"."{table}" '
                f"SET PROPERTIES extra_properties = MAP(ARRAY[{keys}], ARRAY[{texts}])"
            )
            return
        found["Parameters"] = {**(found.get("Parameters") or {}), **values}
        self._glue.update_table(DatabaseName=database, TableInput=found)

    def add_columns(self, database: str, table: str, columns: list[dict[str, str]]) -> None:
        """ALTER TABLE ADD COLUMNS."""
        found = self._table(database, table)
        if is_iceberg(found):
            for column in columns:
                self._run_sql(
                    f'ALTER TABLE "{ICEBERG}"."{database}"."{table}" '
                    f'ADD COLUMN "{column["Name"]}" {trino_type(column["Type"])}'
                )
            return
        found["StorageDescriptor"]["Columns"] += columns
        self._glue.update_table(DatabaseName=database, TableInput=found)

    def replace_columns(self, database: str, table: str, columns: list[dict[str, str]]) -> None:
        """ALTER TABLE REPLACE COLUMNS, which only Hive tables have."""
        found = self._table(database, table)
        if is_iceberg(found):
            raise StatementError("NOT_SUPPORTED: REPLACE COLUMNS is not supported for Iceberg tables", "NOT_SUPPORTED")
        found["StorageDescriptor"]["Columns"] = columns
        self._glue.update_table(DatabaseName=database, TableInput=found)

    def add_partitions(
        self, database: str, table: str, partitions: list[tuple[dict[str, str], str | None]], is_lenient: bool
    ) -> None:
        """ALTER TABLE ADD [IF NOT EXISTS] PARTITION."""
        found = self._hive_table(database, table)
        keys = [key["Name"] for key in found["PartitionKeys"]]
        root = found["StorageDescriptor"]["Location"].rstrip("/")
        wanted = [
            {
                "Values": [values[key] for key in keys],
                "StorageDescriptor": {
                    **found["StorageDescriptor"],
                    "Location": location or root + "/" + "/".join(f"{key}={values[key]}" for key in keys) + "/",
                },
            }
            for values, location in partitions
        ]
        for start in range(0, len(wanted), 100):
            answer = self._glue.batch_create_partition(
                DatabaseName=database, TableName=table, PartitionInputList=wanted[start : start + 100]
            )
            for error in answer.get("Errors", []):
                code = error["ErrorDetail"]["ErrorCode"]
                if not (is_lenient and code == "AlreadyExistsException"):
                    raise StatementError(f"FAILED: SemanticException: {code}: partition {error['PartitionValues']}")

    def drop_partitions(
        self, database: str, table: str, partitions: list[tuple[dict[str, str], str | None]], is_lenient: bool
    ) -> None:
        """ALTER TABLE DROP [IF EXISTS] PARTITION."""
        keys = [key["Name"] for key in self._hive_table(database, table)["PartitionKeys"]]
        answer = self._glue.batch_delete_partition(
            DatabaseName=database,
            TableName=table,
            PartitionsToDelete=[{"Values": [values[key] for key in keys]} for values, _ in partitions],
        )
        if not is_lenient:
            for error in answer.get("Errors", []):
                raise StatementError(f"FAILED: SemanticException: partition {error['PartitionValues']} not found")

    def show_partitions(self, database: str, table: str) -> None:
        """SHOW PARTITIONS, one `key=value/…` per row."""
        keys = [key["Name"] for key in self._hive_table(database, table)["PartitionKeys"]]
        pages = self._glue.get_paginator("get_partitions").paginate(DatabaseName=database, TableName=table)
        found = [partition["Values"] for page in pages for partition in page["Partitions"]]
        self._results.add_texts(
            ["partition"],
            [["/".join(f"{key}={value}" for key, value in zip(keys, values, strict=True))] for values in found],
        )

    def enter_view_columns(self, database: str, view: str) -> None:
        """Give a view that the engine has made the columns that Athena enters; Trino writes one, called dummy.

        The definition in ViewOriginalText names them: `/* Presto View: <base64 of JSON> */`.
        """
        found = self._table(database, view)
        definition = json.loads(base64.b64decode(found["ViewOriginalText"].split(":", 1)[1].split("*/")[0]))
        found["StorageDescriptor"]["Columns"] = [
            {"Name": column["name"], "Type": hive_type(column["type"])} for column in definition["columns"]
        ]
        self._glue.update_table(DatabaseName=database, TableInput=found)

    def show_columns(self, database: str, table: str) -> None:
        """SHOW COLUMNS: names only."""
        found = self._table(database, table)
        columns = found["StorageDescriptor"]["Columns"] + found.get("PartitionKeys", [])
        self._results.add_texts(["field"], [[column["Name"]] for column in columns])

    def describe(self, database: str, table: str) -> None:
        """DESCRIBE: name, type and comment of each column, in columns as wide as Hive prints them."""
        found = self._table(database, table)
        columns = found["StorageDescriptor"]["Columns"] + found.get("PartitionKeys", [])
        self._results.add_texts(
            ["col_name", "data_type", "comment"],
            [[f"{c['Name']:<20}", f"{c['Type']:<20}", f"{c.get('Comment', ''):<20}"] for c in columns],
        )

    def _table(self, database: str, table: str) -> dict[str, Any]:
        try:
            found = self._glue.get_table(DatabaseName=database, Name=table)["Table"]
        except self._glue.exceptions.EntityNotFoundException:
            raise _not_found(database, table) from None
        return {key: found[key] for key in _TABLE_INPUT if key in found}

    def _hive_table(self, database: str, table: str) -> dict[str, Any]:
        found = self._table(database, table)
        if is_iceberg(found):
            raise StatementError(
                f"NOT_SUPPORTED: Iceberg table {database}.{table} has no Hive partitions", "NOT_SUPPORTED"
            )
        if not found.get("PartitionKeys"):
            raise StatementError(f"FAILED: SemanticException [Error 10009]: {database}.{table} is not partitioned")
        return found


def is_iceberg(table: dict[str, Any]) -> bool:
    """Tell whether a Glue table is an Iceberg table."""
    return str((table.get("Parameters") or {}).get("table_type", "")).upper() == "ICEBERG"


def _not_found(database: str, table: str) -> StatementError:
    return StatementError(
        f"FAILED: SemanticException [Error 10001]: Table not found {database}.{table}", "TABLE_NOT_FOUND"
    )

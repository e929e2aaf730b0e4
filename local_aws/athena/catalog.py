"""Athena's view of the Glue catalogue: data catalogues, databases, table metadata."""

from typing import Any

from local_aws.athena.errors import InvalidRequestError
from local_aws.trino_server import HIVE

_NAME = "AwsDataCatalog"


class Catalog:
    """The metadata operations, by their API names. There is one data catalogue, Glue's, named in any case."""

    def __init__(self, glue: Any) -> None:
        self._glue = glue

    def list_data_catalogs(self, _d: dict[str, Any]) -> dict[str, Any]:
        """ListDataCatalogs."""
        return {"DataCatalogsSummary": [{"CatalogName": _NAME, "Type": "GLUE"}]}

    def get_data_catalog(self, d: dict[str, Any]) -> dict[str, Any]:
        """GetDataCatalog."""
        _check(d["Name"])
        return {"DataCatalog": {"Name": _NAME, "Type": "GLUE", "Parameters": {"catalog-id": "123456789012"}}}

    def list_databases(self, d: dict[str, Any]) -> dict[str, Any]:
        """ListDatabases."""
        _check(d["CatalogName"])
        pages = self._glue.get_paginator("get_databases").paginate()
        found = sorted((_database(item) for page in pages for item in page["DatabaseList"]), key=lambda x: x["Name"])
        return _page(found, d, 50, "DatabaseList")

    def get_database(self, d: dict[str, Any]) -> dict[str, Any]:
        """GetDatabase."""
        _check(d["CatalogName"])
        try:
            return {"Database": _database(self._glue.get_database(Name=d["DatabaseName"])["Database"])}
        except self._glue.exceptions.EntityNotFoundException:
            raise _metadata_error(f"Database {d['DatabaseName']} not found.") from None

    def list_table_metadata(self, d: dict[str, Any]) -> dict[str, Any]:
        """ListTableMetadata; Expression is a regular expression on names."""
        _check(d["CatalogName"])
        asked = {"Expression": d["Expression"]} if d.get("Expression") else {}
        try:
            pages = self._glue.get_paginator("get_tables").paginate(DatabaseName=d["DatabaseName"], **asked)
            found = sorted((_table(item) for page in pages for item in page["TableList"]), key=lambda x: x["Name"])
        except self._glue.exceptions.EntityNotFoundException:
            raise _metadata_error(f"Database {d['DatabaseName']} not found.") from None
        return _page(found, d, 50, "TableMetadataList")

    def get_table_metadata(self, d: dict[str, Any]) -> dict[str, Any]:
        """GetTableMetadata. Clients tell a missing table by the text of its error."""
        _check(d["CatalogName"])
        try:
            found = self._glue.get_table(DatabaseName=d["DatabaseName"].lower(), Name=d["TableName"].lower())["Table"]
        except self._glue.exceptions.EntityNotFoundException:
            raise _metadata_error(f"Table {d['TableName']} not found.") from None
        return {"TableMetadata": _table(found)}


def _check(name: str) -> None:
    if name.lower() != HIVE:
        raise InvalidRequestError(f"Data catalog {name} was not found")


def _metadata_error(message: str) -> InvalidRequestError:
    return InvalidRequestError(
        f"{message} (Service: AmazonDataCatalog; Status Code: 400; Error Code: EntityNotFoundException; "
        "Request ID: 00000000-0000-0000-0000-000000000000; Proxy: null)",
        "MetadataException",
    )


def _database(found: dict[str, Any]) -> dict[str, Any]:
    return {
        "Name": found["Name"],
        "Description": found.get("Description", ""),
        "Parameters": found.get("Parameters", {}),
    }


def _table(found: dict[str, Any]) -> dict[str, Any]:
    storage = found.get("StorageDescriptor") or {}
    serde = storage.get("SerdeInfo") or {}
    parameters = {
        "location": storage.get("Location"),
        "inputformat": storage.get("InputFormat"),
        "outputformat": storage.get("OutputFormat"),
        "serde.serialization.lib": serde.get("SerializationLibrary"),
    }
    metadata = {
        "Name": found["Name"],
        "TableType": found.get("TableType", ""),
        "Columns": storage.get("Columns") or [],
        "PartitionKeys": found.get("PartitionKeys") or [],
        "Parameters": (found.get("Parameters") or {}) | {key: value for key, value in parameters.items() if value},
    }
    if created := found.get("CreateTime"):
        metadata["CreateTime"] = created.timestamp()
    return metadata


def _page(found: list[dict[str, Any]], d: dict[str, Any], most: int, name: str) -> dict[str, Any]:
    start, number = int(d.get("NextToken") or 0), int(d.get("MaxResults") or most)
    page: dict[str, Any] = {name: found[start : start + number]}
    if start + number < len(found):
        page["NextToken"] = str(start + number)
    return page

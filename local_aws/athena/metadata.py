"""Athena's view of the Glue catalog: data catalogs, databases, table metadata."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from local_aws.athena.errors import InvalidRequestError
from local_aws.boto_types import GlueClient, GlueDatabase, GlueTable
from local_aws.catalogs import HIVE

if TYPE_CHECKING:
    from mypy_boto3_athena import type_defs as api

_CATALOG_NAME = "AwsDataCatalog"
_PAGE_SIZE = 50


class MetadataApi:
    """The metadata operations, by their API names. There is one data catalog, Glue's; its name has any case."""

    def __init__(self, glue: GlueClient) -> None:
        self._glue = glue

    def list_data_catalogs(self, _request: "api.ListDataCatalogsInputTypeDef") -> dict[str, object]:
        """Answer ListDataCatalogs."""
        return {"DataCatalogsSummary": [{"CatalogName": _CATALOG_NAME, "Type": "GLUE"}]}

    def get_data_catalog(self, request: "api.GetDataCatalogInputTypeDef") -> dict[str, object]:
        """Answer GetDataCatalog."""
        _check_catalog(request["Name"])
        return {"DataCatalog": {"Name": _CATALOG_NAME, "Type": "GLUE", "Parameters": {"catalog-id": "123456789012"}}}

    def list_databases(self, request: "api.ListDatabasesInputTypeDef") -> dict[str, object]:
        """Answer ListDatabases."""
        _check_catalog(request["CatalogName"])
        pages = self._glue.get_paginator("get_databases").paginate()
        databases = [_describe_database(item) for page in pages for item in page["DatabaseList"]]
        return _page("DatabaseList", databases, request.get("NextToken"), request.get("MaxResults"))

    def get_database(self, request: "api.GetDatabaseInputTypeDef") -> dict[str, object]:
        """Answer GetDatabase."""
        _check_catalog(request["CatalogName"])
        name = request["DatabaseName"]
        try:
            return {"Database": _describe_database(self._glue.get_database(Name=name)["Database"])}
        except self._glue.exceptions.EntityNotFoundException:
            raise _not_found("Database", name) from None

    def list_table_metadata(self, request: "api.ListTableMetadataInputTypeDef") -> dict[str, object]:
        """Answer ListTableMetadata; Expression is a regular expression on names."""
        _check_catalog(request["CatalogName"])
        name, expression = request["DatabaseName"], request.get("Expression")
        paginator = self._glue.get_paginator("get_tables")
        try:
            pages = (
                paginator.paginate(DatabaseName=name, Expression=expression)
                if expression
                else paginator.paginate(DatabaseName=name)
            )
            tables = [_describe_table(item) for page in pages for item in page["TableList"]]
        except self._glue.exceptions.EntityNotFoundException:
            raise _not_found("Database", name) from None
        return _page("TableMetadataList", tables, request.get("NextToken"), request.get("MaxResults"))

    def get_table_metadata(self, request: "api.GetTableMetadataInputTypeDef") -> dict[str, object]:
        """Answer GetTableMetadata. Clients recognize a missing table by the text of its error."""
        _check_catalog(request["CatalogName"])
        database, name = request["DatabaseName"].lower(), request["TableName"]
        try:
            return {
                "TableMetadata": _describe_table(
                    self._glue.get_table(DatabaseName=database, Name=name.lower())["Table"]
                )
            }
        except self._glue.exceptions.EntityNotFoundException:
            raise _not_found("Table", name) from None


def _check_catalog(name: str) -> None:
    if name.lower() != HIVE:
        raise InvalidRequestError(f"Data catalog {name} was not found")


def _not_found(kind: str, name: str) -> InvalidRequestError:
    return InvalidRequestError(
        f"{kind} {name} not found. (Service: AmazonDataCatalog; Status Code: 400; "
        "Error Code: EntityNotFoundException; Request ID: 00000000-0000-0000-0000-000000000000; Proxy: null)",
        "MetadataException",
    )


def _describe_database(database: GlueDatabase) -> dict[str, Any]:
    return {
        "Name": database["Name"],
        "Description": database.get("Description", ""),
        "Parameters": database.get("Parameters", {}),
    }


def _describe_table(table: GlueTable) -> dict[str, Any]:
    storage = table.get("StorageDescriptor") or {}
    serde = storage.get("SerdeInfo") or {}
    parameters = {
        "location": storage.get("Location"),
        "inputformat": storage.get("InputFormat"),
        "outputformat": storage.get("OutputFormat"),
        "serde.serialization.lib": serde.get("SerializationLibrary"),
    }
    metadata: dict[str, Any] = {
        "Name": table["Name"],
        "TableType": table.get("TableType", ""),
        "Columns": storage.get("Columns") or [],
        "PartitionKeys": table.get("PartitionKeys") or [],
        "Parameters": (table.get("Parameters") or {}) | {key: value for key, value in parameters.items() if value},
    }
    if created_at := table.get("CreateTime"):
        metadata["CreateTime"] = created_at.timestamp()
    return metadata


def _page(key: str, items: Sequence[dict[str, Any]], token: str | None, size: int | None) -> dict[str, object]:
    start, size = int(token or 0), size or _PAGE_SIZE
    page: dict[str, object] = {key: sorted(items, key=lambda item: str(item["Name"]))[start : start + size]}
    if start + size < len(items):
        page["NextToken"] = str(start + size)
    return page

"""Statements that write a query's rows to files: CREATE TABLE AS (CTAS) and UNLOAD."""

import re
import uuid

from local_aws.athena.errors import InvalidRequestError, StatementError
from local_aws.athena.sql_text import (
    find_closing_bracket,
    parse_properties,
    quote_literal,
    read_brackets,
    unquote_literal,
)
from local_aws.athena.statements.create_table import ICEBERG_PROPERTIES
from local_aws.athena.statements.plan import ParsedStatement, StatementPlan, map_literal, property_list
from local_aws.catalogs import HIVE, ICEBERG

_ICEBERG_CTAS_PROPERTIES = ICEBERG_PROPERTIES | {"is_external", "partitioning"}
_HIVE_CTAS_PROPERTIES = {
    "table_type",
    "is_external",
    "external_location",
    "partitioned_by",
    "bucketed_by",
    "bucket_count",
    "format",
    "write_compression",
    "field_delimiter",
    "orc_compression",
    "parquet_compression",
}
_UNLOAD_PROPERTIES = {"format", "compression", "partitioned_by", "field_delimiter"}


def is_create_table_as(statement: ParsedStatement) -> bool:
    """Return whether CREATE TABLE continues with a query instead of columns."""
    return not statement.group("external") and bool(re.match(r"\s*(with\s*\(|as\b)", statement.tail, re.IGNORECASE))


def plan_create_table_as(statement: ParsedStatement) -> StatementPlan:
    """Plan a CTAS. Raises StatementError for a property that Athena does not have."""
    properties, select = _split_create_table_as(statement.tail)
    is_iceberg = unquote_literal(properties.pop("table_type", "'hive'")).lower() == "iceberg"
    if unknown := sorted(set(properties) - (_ICEBERG_CTAS_PROPERTIES if is_iceberg else _HIVE_CTAS_PROPERTIES)):
        raise StatementError(
            f"SYNTAX_ERROR: line 1:1: Catalog 'awsdatacatalog' table property '{unknown[0]}' does not exist"
        )
    properties.pop("is_external", None)
    codec = properties.pop("write_compression", None) or properties.pop("parquet_compression", None)
    if is_iceberg:
        plan = _plan_select_into(statement, ICEBERG, _iceberg_properties(properties), select, codec)
        plan.iceberg_select = select
        return plan
    properties.setdefault("external_location", quote_literal(f"{statement.output}/tables/{uuid.uuid4()}"))
    properties.setdefault("format", "'PARQUET'")
    if delimiter := properties.pop("field_delimiter", None):
        properties["textfile_field_separator"] = delimiter
    plan = _plan_select_into(statement, HIVE, properties, select, codec)
    plan.data_location = unquote_literal(properties["external_location"])
    return plan


def _split_create_table_as(tail: str) -> tuple[dict[str, str], str]:
    """Return the properties (values as written) and the query."""
    properties: dict[str, str] = {}
    if clause := re.match(r"\s*with\s*(?=\()", tail, re.IGNORECASE):
        end = find_closing_bracket(tail, clause.end())
        properties, tail = parse_properties(tail[clause.end() + 1 : end - 1]), tail[end:]
    keyword = re.match(r"\s*as\b\s*", tail, re.IGNORECASE)
    if not keyword:
        raise InvalidRequestError("line 1:1: mismatched input. Expecting: 'AS'")
    return properties, tail[keyword.end() :]


def _iceberg_properties(properties: dict[str, str]) -> dict[str, str]:
    """Return the properties as Trino knows them; Athena's own are kept in extra_properties."""
    if "location" not in properties:
        raise StatementError("INVALID_TABLE_PROPERTY: Table location can not be null or empty for Iceberg tables")
    translated = {"location": quote_literal(unquote_literal(properties["location"]).rstrip("/"))}
    translated |= {key: properties[key] for key in ("partitioning", "format", "format_version") if key in properties}
    if extra := {key: unquote_literal(value) for key, value in properties.items() if key not in translated}:
        translated["extra_properties"] = map_literal(extra)
    return translated


def _plan_select_into(
    statement: ParsedStatement, catalog: str, properties: dict[str, str], select: str, codec: str | None
) -> StatementPlan:
    plan = StatementPlan("DDL", "CREATE_TABLE_AS_SELECT")
    if codec:
        plan.session[f"{catalog}.compression_codec"] = unquote_literal(codec).upper()
    target = f"{statement.group('if_not_exists')}{statement.trino_name(catalog)}"
    plan.trino = [f"CREATE TABLE {target} WITH ({property_list(properties)}) AS {select}"]
    return plan


def plan_unload(statement: ParsedStatement) -> StatementPlan:
    """Plan an UNLOAD as a CTAS into a temporary Hive table."""
    sql, start = statement.sql, statement.head.end()
    end = find_closing_bracket(sql, start - 1)
    query, tail = sql[start : end - 1], sql[end:]
    target = re.match(r"\s*to\s*'([^']+)'\s*with\s*(?=\()", tail, re.IGNORECASE)
    if not target:
        raise InvalidRequestError("line 1:1: mismatched input. Expecting: TO 's3://…' WITH (format = …)")
    properties = parse_properties(read_brackets(tail, "with"))
    if unknown := sorted(set(properties) - _UNLOAD_PROPERTIES):
        raise StatementError(f"SYNTAX_ERROR: line 1:1: UNLOAD property '{unknown[0]}' does not exist")
    table_properties = {"external_location": quote_literal(target[1].rstrip("/")), "format": properties["format"]}
    if "partitioned_by" in properties:
        table_properties["partitioned_by"] = properties["partitioned_by"]
    database, table = "default", f"unload_{uuid.uuid4().hex}"
    plan = StatementPlan(
        "DML",
        "UNLOAD",
        [f'CREATE TABLE "{HIVE}"."{database}"."{table}" WITH ({property_list(table_properties)}) AS {query}'],
        data_location=target[1],
        unload=(database, table),
    )
    if codec := properties.get("compression"):
        plan.session[f"{HIVE}.compression_codec"] = unquote_literal(codec).upper()
    return plan

"""CREATE TABLE with columns: Iceberg tables by Trino, external Hive tables by Glue."""

import re

from local_aws.athena.errors import InvalidRequestError, StatementError
from local_aws.athena.sql_text import (
    find_closing_bracket,
    parse_unquoted_properties,
    quote_literal,
    quote_literals,
    read_brackets,
    split_list,
    unquote_literal,
)
from local_aws.athena.statements.plan import (
    ParsedStatement,
    StatementPlan,
    map_literal,
    plan_glue_action,
    property_list,
)
from local_aws.athena.types import parse_columns, to_trino_type
from local_aws.boto_types import GlueColumn
from local_aws.catalogs import ICEBERG

ICEBERG_PROPERTIES = {
    "table_type",
    "location",
    "format",
    "write_compression",
    "write_target_data_file_size_bytes",
    "optimize_rewrite_min_data_file_size_bytes",
    "optimize_rewrite_max_data_file_size_bytes",
    "optimize_rewrite_data_file_threshold",
    "optimize_rewrite_delete_file_threshold",
    "vacuum_min_snapshots_to_keep",
    "vacuum_max_snapshot_age_seconds",
    "vacuum_max_metadata_files_to_keep",
    "format_version",
    "compression_level",
}
"""The table properties that Athena knows for Iceberg."""

_TEXT_FORMATS = (
    "org.apache.hadoop.mapred.TextInputFormat",
    "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
)
_PARQUET = "org.apache.hadoop.hive.ql.io.parquet"
_ORC = "org.apache.hadoop.hive.ql.io.orc"
_STORED_AS = {  # format: (serde, input format, output format)
    "parquet": (
        f"{_PARQUET}.serde.ParquetHiveSerDe",
        f"{_PARQUET}.MapredParquetInputFormat",
        f"{_PARQUET}.MapredParquetOutputFormat",
    ),
    "orc": (f"{_ORC}.OrcSerde", f"{_ORC}.OrcInputFormat", f"{_ORC}.OrcOutputFormat"),
    "textfile": ("org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe", *_TEXT_FORMATS),
}


def plan_create_table(statement: ParsedStatement) -> StatementPlan:
    """Plan a CREATE TABLE with columns. Raises StatementError for what Athena fails."""
    sql = statement.sql
    start = sql.find("(", statement.head.end())
    if start < 0:
        raise InvalidRequestError("line 1:1: no viable alternative at input 'create table'")
    end = find_closing_bracket(sql, start)
    clauses = sql[end:]
    properties = parse_unquoted_properties(read_brackets(clauses, "tblproperties"))
    columns = parse_columns(sql[start + 1 : end - 1])
    if properties.get("table_type", "").lower() == "iceberg":
        return _plan_iceberg_table(statement, columns, properties, clauses)
    if not statement.group("external"):
        raise StatementError("FAILED: SemanticException: only EXTERNAL tables and Iceberg tables can be created")
    return _plan_hive_table(statement, columns, properties, clauses)


def _plan_iceberg_table(
    statement: ParsedStatement, columns: list[GlueColumn], properties: dict[str, str], clauses: str
) -> StatementPlan:
    if statement.group("external"):
        raise StatementError("FAILED: SemanticException: Iceberg tables can not be EXTERNAL")
    if unknown := sorted(set(properties) - ICEBERG_PROPERTIES):
        raise StatementError(f"Unsupported table property key: {unknown[0]}", "INVALID_TABLE_PROPERTY")
    for column in columns:
        if column["Type"] in ("tinyint", "smallint") or column["Type"].startswith("char"):
            raise StatementError(f"NOT_SUPPORTED: Type not supported for Iceberg: {column['Type']}")
    translated = {
        "location": quote_literal(_literal_after(clauses, "location").rstrip("/")),
        "format": quote_literal(properties.get("format", "parquet").upper()),
    }
    if transforms := read_brackets(clauses, r"partitioned\s+by"):
        translated["partitioning"] = f"ARRAY[{quote_literals(map(_to_trino_transform, split_list(transforms)))}]"
    if extra := {
        key: value for key, value in properties.items() if key not in ("table_type", "format", "write_compression")
    }:
        translated["extra_properties"] = map_literal(extra)
    fields = ", ".join(f'"{column["Name"]}" {to_trino_type(column["Type"])}' for column in columns)
    target = f"{statement.group('if_not_exists')}{statement.trino_name(ICEBERG)}"
    return StatementPlan(
        "DDL", "CREATE_TABLE", [f"CREATE TABLE {target} ({fields}) WITH ({property_list(translated)})"]
    )


def _to_trino_transform(transform: str) -> str:
    """Return a partition transform for Trino: bucket(8, c) in Hive DDL is bucket(c, 8) there."""
    return re.sub(
        r"(bucket|truncate)\s*\(\s*(\d+)\s*,\s*(\w+)\s*\)",
        r"\1(\3, \2)",
        transform.replace("`", ""),
        flags=re.IGNORECASE,
    )


def _plan_hive_table(
    statement: ParsedStatement, columns: list[GlueColumn], properties: dict[str, str], clauses: str
) -> StatementPlan:
    location = _literal_after(clauses, "location")
    if not location.startswith("s3://"):
        raise StatementError(f"FAILED: SemanticException: location '{location}' is not an s3:// path")
    stored_as = re.search(r"stored\s+as\s+(?!inputformat)(\w+)", clauses, re.IGNORECASE)
    file_format = stored_as[1].lower() if stored_as else "textfile"
    if file_format not in _STORED_AS:
        raise StatementError(
            f"FAILED: SemanticException: Unrecognized file format in STORED AS clause: '{file_format}'"
        )
    serde, input_format, output_format = _STORED_AS[file_format]
    serde_parameters = parse_unquoted_properties(read_brackets(clauses, "serdeproperties"))
    if delimiter := _optional_literal_after(clauses, r"fields\s+terminated\s+by"):
        serde_parameters |= {"field.delim": delimiter, "serialization.format": delimiter}
    database, table = statement.table
    table_input = {
        "Name": table,
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {"EXTERNAL": "TRUE", **properties},
        "PartitionKeys": parse_columns(read_brackets(clauses, r"partitioned\s+by")),
        "StorageDescriptor": {
            "Columns": columns,
            "Location": location,
            "InputFormat": _optional_literal_after(clauses, "inputformat") or input_format,
            "OutputFormat": _optional_literal_after(clauses, "outputformat") or output_format,
            "SerdeInfo": {
                "SerializationLibrary": _optional_literal_after(clauses, r"row\s+format\s+serde") or serde,
                "Parameters": serde_parameters,
            },
        },
    }
    return plan_glue_action(
        "DDL",
        "CREATE_TABLE",
        "create_table",
        database=database,
        table=table_input,
        if_not_exists=bool(statement.group("if_not_exists")),
    )


def _literal_after(text: str, keyword: str) -> str:
    literal = _optional_literal_after(text, keyword)
    if literal is None:
        raise StatementError(f"FAILED: SemanticException: no {keyword.upper()} in CREATE TABLE")
    return literal


def _optional_literal_after(text: str, keyword: str) -> str | None:
    match = re.search(rf"\b{keyword}\s*('(?:[^']|'')*')", text, re.IGNORECASE)
    return unquote_literal(match[1]) if match else None

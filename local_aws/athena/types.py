"""Types and values: Hive's type names in DDL, Trino's in queries, and the text that Athena returns for a value."""

import base64
import re
from typing import Any, NotRequired, TypedDict

from local_aws.athena.errors import StatementError
from local_aws.athena.sql_text import IDENTIFIER, split_list, unquote_identifier
from local_aws.boto_types import GlueColumn

_HIVE_TO_TRINO = {
    "string": "varchar",
    "int": "integer",
    "binary": "varbinary",
    "float": "real",
    "timestamp": "timestamp(6)",
    "timestamptz": "timestamp(6) with time zone",
}
_TRINO_TO_HIVE = {"varchar": "string", "integer": "int", "varbinary": "binary", "real": "float"}
_PRECISION_AND_SCALE = {
    "varchar": (2147483647, 0),
    "bigint": (19, 0),
    "integer": (10, 0),
    "smallint": (5, 0),
    "tinyint": (3, 0),
    "double": (17, 0),
    "real": (17, 0),
    "timestamp": (3, 0),
    "timestamp with time zone": (3, 0),
}


class TypeSignature(TypedDict):
    """A type in Trino's client protocol. The values of `arguments` are numbers, signatures or named fields."""

    rawType: str
    arguments: NotRequired[list[dict[str, Any]]]


class TrinoColumn(TypedDict):
    """A result column in Trino's client protocol."""

    name: str
    type: str
    typeSignature: TypeSignature


def parse_columns(body: str) -> list[GlueColumn]:
    """Return the columns of a Hive DDL as Glue stores them: Name, Type and, when present, Comment."""
    columns: list[GlueColumn] = []
    for part in split_list(body):
        match = re.match(rf"({IDENTIFIER})\s+(.*?)(?:\s+comment\s+'((?:[^']|'')*)')?\s*\Z", part, re.I | re.S)
        if not match:
            raise StatementError(f"FAILED: ParseException line 1:0 cannot recognize input near '{part}' in column type")
        column: GlueColumn = {"Name": unquote_identifier(match[1]), "Type": re.sub(r"\s+", "", match[2]).lower()}
        if match[3]:
            column["Comment"] = match[3]
        columns.append(column)
    return columns


def to_trino_type(hive_type: str) -> str:
    """Return the Trino type of a Hive type; nested types too."""
    name = hive_type.strip().lower()
    if match := re.fullmatch(r"(array|map|struct)<(.*)>", name, re.DOTALL):
        parts = split_list(match[2])
        if match[1] == "struct":
            fields = (part.split(":", 1) for part in parts)
            return "row(" + ", ".join(f'"{field}" {to_trino_type(kind)}' for field, kind in fields) + ")"
        return f"{match[1]}({', '.join(map(to_trino_type, parts))})"
    return _HIVE_TO_TRINO.get(name, name)


def to_hive_type(trino_type: str) -> str:
    """Return the Hive type of a Trino type; nested types too. Timestamps lose their precision and zone."""
    name = trino_type.strip().lower()
    if match := re.fullmatch(r"(array|map|row)\((.*)\)", name, re.DOTALL):
        parts = split_list(match[2])
        if match[1] == "row":
            fields = (re.split(r"\s+", part.strip(), maxsplit=1) for part in parts)
            return (
                "struct<"
                + ",".join(f"{unquote_identifier(field)}:{to_hive_type(kind)}" for field, kind in fields)
                + ">"
            )
        return f"{match[1]}<{','.join(map(to_hive_type, parts))}>"
    if name.startswith("timestamp"):
        return "timestamp"
    return _TRINO_TO_HIVE.get(name, name).replace(" ", "")


def to_column_info(column: TrinoColumn) -> dict[str, object]:
    """Return the ColumnInfo of a result column."""
    signature = column["typeSignature"]
    raw = signature["rawType"]
    precision, scale = _argument_values(signature)[:2] if raw == "decimal" else _PRECISION_AND_SCALE.get(raw, (0, 0))
    return {
        "CatalogName": "hive",
        "SchemaName": "",
        "TableName": "",
        "Name": column["name"],
        "Label": column["name"],
        "Type": {"real": "float"}.get(raw, raw),
        "Precision": precision,
        "Scale": scale,
        "Nullable": "UNKNOWN",
        "CaseSensitive": raw in ("varchar", "char"),
    }


def format_value(value: Any, signature: TypeSignature) -> str | None:
    """Return a value as Athena prints it: `{a=1, b=null}` for rows and maps, hexadecimal for bytes, None for NULL."""
    if value is None:
        return None
    raw = signature["rawType"]
    arguments = _argument_values(signature)
    if raw == "boolean":
        return str(value).lower()
    if raw == "varbinary":
        return base64.b64decode(value).hex(" ")
    if raw == "array":
        return "[" + ", ".join(_format_nested(item, arguments[0]) for item in value) + "]"
    if raw == "map":
        return "{" + ", ".join(f"{key}={_format_nested(item, arguments[1])}" for key, item in value.items()) + "}"
    if raw == "row":
        fields = zip(arguments, value, strict=True)
        return "{" + ", ".join(_format_field(i, argument, item) for i, (argument, item) in enumerate(fields)) + "}"
    return str(value)


def _argument_values(signature: TypeSignature) -> list[Any]:
    return [argument.get("value") for argument in signature.get("arguments", [])]


def _format_nested(value: Any, signature: TypeSignature) -> str:
    text = format_value(value, signature)
    return "null" if text is None else text


def _format_field(i: int, argument: dict[str, Any], value: Any) -> str:
    name = (argument.get("fieldName") or {}).get("name", f"field{i}")
    return f"{name}={_format_nested(value, argument['typeSignature'])}"

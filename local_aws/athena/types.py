"""Types: Hive's names in DDL, Trino's names in queries, and the text that Athena makes of each value."""

import base64
import re
from typing import Any

from local_aws.athena.errors import StatementError
from local_aws.athena.text import IDENTIFIER, split_list, unquoted_identifier

_TRINO_NAMES = {
    "string": "varchar",
    "int": "integer",
    "binary": "varbinary",
    "float": "real",
    "timestamp": "timestamp(6)",
    "timestamptz": "timestamp(6) with time zone",
}
_PRECISION = {
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


def columns(body: str) -> list[dict[str, str]]:
    """The columns of a Hive DDL as Glue holds them: Name, Type and, when given, Comment."""
    found = []
    for part in split_list(body):
        match = re.match(rf"({IDENTIFIER})\s+(.*?)(?:\s+comment\s+'((?:[^']|'')*)')?\s*\Z", part, re.I | re.S)
        if not match:
            raise StatementError(f"FAILED: ParseException line 1:0 cannot recognize input near '{part}' in column type")
        column = {"Name": unquoted_identifier(match[1]), "Type": re.sub(r"\s+", "", match[2]).lower()}
        found.append(column | ({"Comment": match[3]} if match[3] else {}))
    return found


def trino_type(hive_type: str) -> str:
    """A Hive type in Trino's words, nested ones too."""
    name = hive_type.strip().lower()
    if match := re.fullmatch(r"(array|map|struct)<(.*)>", name, re.DOTALL):
        parts = split_list(match[2])
        if match[1] == "struct":
            fields = (part.split(":", 1) for part in parts)
            return "row(" + ", ".join(f'"{field}" {trino_type(kind)}' for field, kind in fields) + ")"
        return f"{match[1]}({', '.join(trino_type(part) for part in parts)})"
    return _TRINO_NAMES.get(name, name)


def hive_type(trino_name: str) -> str:
    """A Trino type in Hive's words, nested ones too: the inverse of trino_type, to the microsecond at most."""
    name = trino_name.strip().lower()
    if match := re.fullmatch(r"(array|map|row)\((.*)\)", name, re.DOTALL):
        parts = split_list(match[2])
        if match[1] == "row":
            fields = (re.split(r"\s+", part.strip(), maxsplit=1) for part in parts)
            return (
                "struct<" + ",".join(f"{unquoted_identifier(field)}:{hive_type(kind)}" for field, kind in fields) + ">"
            )
        return f"{match[1]}<{','.join(hive_type(part) for part in parts)}>"
    if name.startswith("timestamp"):
        return "timestamp"
    return {"varchar": "string", "integer": "int", "varbinary": "binary", "real": "float"}.get(name, name).replace(
        " ", ""
    )


def column_info(column: dict[str, Any]) -> dict[str, object]:
    """The ColumnInfo of a result column."""
    signature = column["typeSignature"]
    raw = signature["rawType"]
    arguments = [argument.get("value") for argument in signature.get("arguments", [])]
    precision, scale = arguments[:2] if raw == "decimal" else _PRECISION.get(raw, (0, 0))
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


def value_text(value: Any, signature: dict[str, Any]) -> str | None:
    """A value as Athena prints it: `{a=1, b=null}` for rows and maps, hexadecimal for bytes, None for NULL."""
    if value is None:
        return None
    raw = signature["rawType"]
    arguments = [argument.get("value") for argument in signature.get("arguments", [])]
    if raw == "boolean":
        return str(value).lower()
    if raw == "varbinary":
        return base64.b64decode(value).hex(" ")
    if raw == "array":
        return "[" + ", ".join(_inner(item, arguments[0]) for item in value) + "]"
    if raw == "map":
        return "{" + ", ".join(f"{key}={_inner(item, arguments[1])}" for key, item in value.items()) + "}"
    if raw == "row":
        fields = zip(arguments, value, strict=True)
        return "{" + ", ".join(_field(i, argument, item) for i, (argument, item) in enumerate(fields)) + "}"
    return str(value)


def _inner(value: Any, signature: dict[str, Any]) -> str:
    text = value_text(value, signature)
    return "null" if text is None else text


def _field(i: int, argument: dict[str, Any], value: Any) -> str:
    name = (argument.get("fieldName") or {}).get("name", f"field{i}")
    return f"{name}={_inner(value, argument['typeSignature'])}"

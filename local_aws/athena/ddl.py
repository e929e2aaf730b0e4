"""Athena's DDL in Hive's dialect, its CTAS, and its maintenance statements, each as a Plan."""

import re
import uuid

from local_aws.athena.errors import InvalidRequestError, StatementError
from local_aws.athena.plan import Builder, GlueAction, Plan, trino_name
from local_aws.athena.text import (
    IDENTIFIER,
    NAME,
    bracketed,
    closing,
    joined,
    literal,
    plain,
    properties,
    split_list,
    split_name,
    unquoted,
    unquoted_identifier,
)
from local_aws.athena.types import columns, trino_type
from local_aws.trino_server import HIVE, ICEBERG

_ICEBERG_PROPERTIES = {
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
_ICEBERG_CTAS = _ICEBERG_PROPERTIES | {"is_external", "partitioning"}
_HIVE_CTAS = {
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
_TEXT = (
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
    "textfile": ("org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe", *_TEXT),
}
_NOT_AFTER_CREATE = "table, view, database or schema"


def _map_literal(values: dict[str, str]) -> str:
    return f"MAP(ARRAY[{joined(map(literal, values))}], ARRAY[{joined(map(literal, values.values()))}])"


def _with(values: dict[str, str]) -> str:
    return joined(f"{key} = {value}" for key, value in values.items())


# --- CREATE TABLE AS ------------------------------------------------------------------------------


def _create_table(match: re.Match[str], sql: str, database: str, output: str) -> Plan:
    rest = sql[match.end() :]
    if not match["external"] and re.match(r"\s*(with\s*\(|as\b)", rest, re.IGNORECASE):
        return _create_table_as(match, rest, database, output)
    return _create_table_from_columns(match, sql, database)


def _create_table_as(match: re.Match[str], rest: str, database: str, output: str) -> Plan:
    given: dict[str, str] = {}
    if clause := re.match(r"\s*with\s*(?=\()", rest, re.IGNORECASE):
        end = closing(rest, clause.end())
        given, rest = properties(rest[clause.end() + 1 : end - 1]), rest[end:]
    as_word = re.match(r"\s*as\b\s*", rest, re.IGNORECASE)
    if not as_word:
        raise InvalidRequestError("line 1:1: mismatched input. Expecting: 'AS'")
    select = rest[as_word.end() :]
    is_iceberg = unquoted(given.pop("table_type", "'hive'")).lower() == "iceberg"
    known = _ICEBERG_CTAS if is_iceberg else _HIVE_CTAS
    if unknown := sorted(set(given) - known):
        raise StatementError(
            f"SYNTAX_ERROR: line 1:1: Catalog 'awsdatacatalog' table property '{unknown[0]}' does not exist"
        )
    given.pop("is_external", None)
    codec = given.pop("write_compression", None) or given.pop("parquet_compression", None)
    if not is_iceberg:
        given.setdefault("external_location", literal(f"{output}/tables/{uuid.uuid4()}"))
        given.setdefault("format", "'PARQUET'")
        if delimiter := given.pop("field_delimiter", None):
            given["textfile_field_separator"] = delimiter
        planned = _as_select(match, database, HIVE, given, select, codec)
        planned.data_location = unquoted(given["external_location"])
        return planned
    if "location" not in given:
        raise StatementError("INVALID_TABLE_PROPERTY: Table location can not be null or empty for Iceberg tables")
    made = {"location": literal(unquoted(given["location"]).rstrip("/"))}
    made |= {key: given[key] for key in ("partitioning", "format", "format_version") if key in given}
    if extra := {key: unquoted(value) for key, value in given.items() if key not in made}:
        made["extra_properties"] = _map_literal(extra)
    planned = _as_select(match, database, ICEBERG, made, select, codec)
    planned.iceberg_select = select
    return planned


def _as_select(
    match: re.Match[str], database: str, catalog: str, made: dict[str, str], select: str, codec: str | None
) -> Plan:
    planned = Plan("DDL", "CREATE_TABLE_AS_SELECT")
    if codec:
        planned.session[f"{catalog}.compression_codec"] = unquoted(codec).upper()
    target = trino_name(match["name"], database, catalog)
    planned.trino = [f"CREATE TABLE {match['if_not_exists'] or ''}{target} WITH ({_with(made)}) AS {select}"]
    return planned


# --- CREATE TABLE with columns --------------------------------------------------------------------


def _create_table_from_columns(match: re.Match[str], sql: str, database: str) -> Plan:
    start = sql.find("(", match.end())
    if start < 0:
        raise InvalidRequestError("line 1:1: no viable alternative at input 'create table'")
    end = closing(sql, start)
    given = plain(properties(bracketed(sql[end:], "tblproperties")))
    fields = columns(sql[start + 1 : end - 1])
    if given.get("table_type", "").lower() == "iceberg":
        return _create_iceberg_table(match, database, fields, given, sql[end:])
    if not match["external"]:
        raise StatementError("FAILED: SemanticException: only EXTERNAL tables and Iceberg tables can be created")
    return _create_hive_table(match, database, fields, given, sql[end:])


def _create_iceberg_table(
    match: re.Match[str], database: str, fields: list[dict[str, str]], given: dict[str, str], tail: str
) -> Plan:
    if match["external"]:
        raise StatementError("FAILED: SemanticException: Iceberg tables can not be EXTERNAL")
    if unknown := sorted(set(given) - _ICEBERG_PROPERTIES):
        raise StatementError(f"Unsupported table property key: {unknown[0]}", "INVALID_TABLE_PROPERTY")
    for column in fields:
        if column["Type"] in ("tinyint", "smallint") or column["Type"].startswith("char"):
            raise StatementError(f"NOT_SUPPORTED: Type not supported for Iceberg: {column['Type']}")
    made = {
        "location": literal(_quoted_after(tail, "location").rstrip("/")),
        "format": literal(given.get("format", "parquet").upper()),
    }
    if parts := bracketed(tail, r"partitioned\s+by"):
        made["partitioning"] = f"ARRAY[{joined(literal(_transform(part)) for part in split_list(parts))}]"
    if extra := {
        key: value for key, value in given.items() if key not in ("table_type", "format", "write_compression")
    }:
        made["extra_properties"] = _map_literal(extra)
    body = joined(f'"{column["Name"]}" {trino_type(column["Type"])}' for column in fields)
    target = trino_name(match["name"], database, ICEBERG)
    return Plan(
        "DDL", "CREATE_TABLE", [f"CREATE TABLE {match['if_not_exists'] or ''}{target} ({body}) WITH ({_with(made)})"]
    )


def _transform(part: str) -> str:
    """A partition transform: Hive DDL says bucket(8, c), Trino says bucket(c, 8)."""
    return re.sub(
        r"(bucket|truncate)\s*\(\s*(\d+)\s*,\s*(\w+)\s*\)", r"\1(\3, \2)", part.replace("`", ""), flags=re.IGNORECASE
    )


def _create_hive_table(
    match: re.Match[str], database: str, fields: list[dict[str, str]], given: dict[str, str], tail: str
) -> Plan:
    location = _quoted_after(tail, "location")
    if not location.startswith("s3://"):
        raise StatementError(f"FAILED: SemanticException: location '{location}' is not an s3:// path")
    stored = re.search(r"stored\s+as\s+(?!inputformat)(\w+)", tail, re.IGNORECASE)
    name = stored[1].lower() if stored else "textfile"
    if name not in _STORED_AS:
        raise StatementError(f"FAILED: SemanticException: Unrecognized file format in STORED AS clause: '{name}'")
    serde, input_format, output_format = _STORED_AS[name]
    parameters = plain(properties(bracketed(tail, "serdeproperties")))
    if delimiter := _quoted_after(tail, r"fields\s+terminated\s+by", optional=True):
        parameters |= {"field.delim": delimiter, "serialization.format": delimiter}
    schema, table = split_name(match["name"], database)
    table_input = {
        "Name": table,
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {"EXTERNAL": "TRUE", **given},
        "PartitionKeys": columns(bracketed(tail, r"partitioned\s+by")),
        "StorageDescriptor": {
            "Columns": fields,
            "Location": location,
            "InputFormat": _quoted_after(tail, "inputformat", optional=True) or input_format,
            "OutputFormat": _quoted_after(tail, "outputformat", optional=True) or output_format,
            "SerdeInfo": {
                "SerializationLibrary": _quoted_after(tail, r"row\s+format\s+serde", optional=True) or serde,
                "Parameters": parameters,
            },
        },
    }
    return _glue(
        "CREATE_TABLE", "create_table", database=schema, table=table_input, if_not_exists=bool(match["if_not_exists"])
    )


def _quoted_after(text: str, keyword: str, *, optional: bool = False) -> str:
    match = re.search(rf"\b{keyword}\s*('(?:[^']|'')*')", text, re.IGNORECASE)
    if not match and not optional:
        raise StatementError(f"FAILED: SemanticException: no {keyword.upper()} in CREATE TABLE")
    return unquoted(match[1]) if match else ""


# --- ALTER TABLE ----------------------------------------------------------------------------------


def _alter_table(match: re.Match[str], sql: str, database: str, _output: str) -> Plan:
    schema, table = split_name(match["name"], database)
    name, body = trino_name(match["name"], database), sql[match.end() :].strip()
    if found := re.match(r"rename\s+to\s+(.+)", body, re.I | re.S):
        new_schema, new_table = split_name(found[1], schema)
        # no catalogue in the target: a redirected table keeps its own
        return Plan("DDL", "ALTER_TABLE", [f'ALTER TABLE {name} RENAME TO "{new_schema}"."{new_table}"'])
    if re.match(r"set\s+tblproperties\s*\(", body, re.IGNORECASE):
        values = plain(properties(bracketed(body, "tblproperties")))
        return _glue("ALTER_TABLE", "set_properties", database=schema, table=table, values=values)
    if found := re.match(r"(add|replace)\s+columns\s*\(", body, re.IGNORECASE):
        fields = columns(bracketed(body, "columns"))
        return _glue("ALTER_TABLE", f"{found[1].lower()}_columns", database=schema, table=table, columns=fields)
    if found := re.match(rf"drop\s+column\s+({IDENTIFIER})\s*\Z", body, re.IGNORECASE):
        return Plan("DDL", "ALTER_TABLE", [f'ALTER TABLE {name} DROP COLUMN "{unquoted_identifier(found[1])}"'])
    if found := re.match(rf"change\s+(?:column\s+)?({IDENTIFIER})\s+({IDENTIFIER})\s+(.+)", body, re.I | re.S):
        old, new = unquoted_identifier(found[1]), unquoted_identifier(found[2])
        change = (
            f'RENAME COLUMN "{old}" TO "{new}"'
            if old != new
            else f'ALTER COLUMN "{old}" SET DATA TYPE {trino_type(found[3])}'
        )
        return Plan("DDL", "ALTER_TABLE", [f"ALTER TABLE {name} {change}"])
    if found := re.match(r"(add|drop)\s+(if\s+(?:not\s+)?exists\s+)?(?=partition)", body, re.IGNORECASE):
        pattern = r"partition\s*\(([^)]*)\)(?:\s*location\s*'([^']*)')?"
        partitions = [
            ({key.strip("`"): value for key, value in plain(properties(part[1])).items()}, part[2])
            for part in re.finditer(pattern, body, re.IGNORECASE)
        ]
        return _glue(
            "ALTER_TABLE",
            f"{found[1].lower()}_partitions",
            database=schema,
            table=table,
            partitions=partitions,
            is_lenient=bool(found[2]),
        )
    raise InvalidRequestError(
        f"line 1:1: mismatched input '{body.split(maxsplit=1)[0] if body else ''}' in ALTER TABLE"
    )


def _glue(sub: str, action: str, **arguments: object) -> Plan:
    return Plan("DDL", sub, glue=GlueAction(action, arguments))


# --- everything else ------------------------------------------------------------------------------


def _create_database(match: re.Match[str], _sql: str, _database: str, _output: str) -> Plan:
    location = f" WITH (location = '{match['location']}')" if match["location"] else ""
    name = unquoted_identifier(match["database"])
    return Plan("DDL", "CREATE_DATABASE", [f'CREATE SCHEMA {match["if_not_exists"] or ""}"{HIVE}"."{name}"{location}'])


def _drop_database(match: re.Match[str], _sql: str, _database: str, _output: str) -> Plan:
    name = unquoted_identifier(match["database"])
    return Plan(
        "DDL", "DROP_DATABASE", [f'DROP SCHEMA {match["if_exists"] or ""}"{HIVE}"."{name}" {match["how"] or ""}']
    )


def _drop(match: re.Match[str], _sql: str, database: str, _output: str) -> Plan:
    schema, table = split_name(match["name"], database)
    if match["what"].lower() == "table":
        # an external table goes, its files stay; an Iceberg table goes with its files
        return _glue("DROP_TABLE", "drop_table", database=schema, table=table, if_exists=bool(match["if_exists"]))
    return Plan("DDL", "DROP_VIEW", [f"DROP VIEW {match['if_exists'] or ''}{trino_name(match['name'], database)}"])


def _create_view(match: re.Match[str], sql: str, database: str, _output: str) -> Plan:
    return Plan("DDL", "CREATE_VIEW", [sql], view=split_name(match["name"], database))


def _msck(match: re.Match[str], _sql: str, database: str, _output: str) -> Plan:
    schema, table = split_name(match["name"], database)
    call = f"CALL {HIVE}.system.sync_partition_metadata({literal(schema)}, {literal(table)}, 'ADD')"
    return Plan("DDL", "MSCK_REPAIR", [call])


def _optimize(match: re.Match[str], _sql: str, database: str, _output: str) -> Plan:
    target = trino_name(match["name"], database, ICEBERG)
    return Plan("DML", "OPTIMIZE", [f"ALTER TABLE {target} EXECUTE optimize {match['where'] or ''}"])


def _vacuum(match: re.Match[str], _sql: str, database: str, _output: str) -> Plan:
    return Plan("DML", "VACUUM", vacuum=split_name(match["name"], database))


def _show_databases(match: re.Match[str], _sql: str, _database: str, _output: str) -> Plan:
    like = f" LIKE {match['like']}" if match["like"] else ""
    return Plan("UTILITY", "SHOW_DATABASES", [f'SHOW SCHEMAS FROM "{HIVE}"{like}'])


def _show_tables(match: re.Match[str], _sql: str, database: str, _output: str) -> Plan:
    name = unquoted_identifier(match["database"] or database)
    return Plan("UTILITY", "SHOW_TABLES", [f'SHOW TABLES FROM "{HIVE}"."{name}"'])


def _show_partitions(match: re.Match[str], _sql: str, database: str, _output: str) -> Plan:
    schema, table = split_name(match["name"], database)
    return Plan("UTILITY", "SHOW_PARTITIONS", glue=GlueAction("show_partitions", {"database": schema, "table": table}))


def _describe(match: re.Match[str], _sql: str, database: str, _output: str) -> Plan:
    schema, table = split_name(match["name"], database)
    return Plan("UTILITY", "DESCRIBE_TABLE", glue=GlueAction("describe", {"database": schema, "table": table}))


def _show_columns(match: re.Match[str], _sql: str, database: str, _output: str) -> Plan:
    schema, table = split_name(match["name"], database)
    return Plan("UTILITY", "SHOW_COLUMNS", glue=GlueAction("show_columns", {"database": schema, "table": table}))


def _show_create(match: re.Match[str], _sql: str, database: str, _output: str) -> Plan:
    target = trino_name(match["name"], database)
    return Plan("UTILITY", f"SHOW_CREATE_{match['what'].upper()}", [f"SHOW CREATE {match['what']} {target}"])


def _unload(match: re.Match[str], sql: str, _database: str, _output: str) -> Plan:
    end = closing(sql, match.end() - 1)
    query, tail = sql[match.end() : end - 1], sql[end:]
    to = re.match(r"\s*to\s*'([^']+)'\s*with\s*(?=\()", tail, re.IGNORECASE)
    if not to:
        raise InvalidRequestError("line 1:1: mismatched input. Expecting: TO 's3://…' WITH (format = …)")
    given = properties(bracketed(tail, "with"))
    if unknown := sorted(set(given) - {"format", "compression", "partitioned_by", "field_delimiter"}):
        raise StatementError(f"SYNTAX_ERROR: line 1:1: UNLOAD property '{unknown[0]}' does not exist")
    made = {"external_location": literal(to[1].rstrip("/")), "format": given["format"]}
    if "partitioned_by" in given:
        made["partitioned_by"] = given["partitioned_by"]
    schema, table = "default", f"unload_{uuid.uuid4().hex}"
    planned = Plan(
        "DML",
        "UNLOAD",
        [f'CREATE TABLE "{HIVE}"."{schema}"."{table}" WITH ({_with(made)}) AS {query}'],
        data_location=to[1],
        unload=(schema, table),
    )
    if codec := given.get("compression"):
        planned.session[f"{HIVE}.compression_codec"] = unquoted(codec).upper()
    return planned


def _refuse(match: re.Match[str], _sql: str, _database: str, _output: str) -> Plan:
    raise InvalidRequestError(f"line 1:8: mismatched input '{match[1]}'. Expecting: {_NOT_AFTER_CREATE}")


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE | re.DOTALL)


_IF_NOT_EXISTS = r"(?P<if_not_exists>if\s+not\s+exists\s+)?"
_IF_EXISTS = r"(?P<if_exists>if\s+exists\s+)?"
BUILDERS: list[tuple[re.Pattern[str], Builder]] = [
    (
        _pattern(
            rf"create\s+(?:schema|database)\s+{_IF_NOT_EXISTS}(?P<database>{IDENTIFIER})"
            r"(?:.*?location\s*'(?P<location>[^']*)')?"
        ),
        _create_database,
    ),
    (
        _pattern(
            rf"drop\s+(?:schema|database)\s+{_IF_EXISTS}(?P<database>{IDENTIFIER})\s*(?P<how>cascade|restrict)?\s*\Z"
        ),
        _drop_database,
    ),
    (_pattern(rf"drop\s+(?P<what>table|view)\s+{_IF_EXISTS}{NAME}\s*\Z"), _drop),
    (_pattern(rf"create\s+(?P<external>external\s+)?table\s+{_IF_NOT_EXISTS}{NAME}"), _create_table),
    (_pattern(rf"create\s+(?:or\s+replace\s+)?view\s+{NAME}"), _create_view),
    (_pattern(r"create\s+(.{1,30}?)\b"), _refuse),
    (_pattern(rf"alter\s+table\s+{NAME}\s+"), _alter_table),
    (_pattern(rf"msck\s+repair\s+table\s+{NAME}\s*\Z"), _msck),
    (_pattern(rf"optimize\s+{NAME}\s+rewrite\s+data\s+using\s+bin_pack\s*(?P<where>where\b.*)?\Z"), _optimize),
    (_pattern(rf"vacuum\s+{NAME}\s*\Z"), _vacuum),
    (_pattern(r"show\s+(?:databases|schemas)(?:\s+like\s+(?P<like>'[^']*'))?\s*\Z"), _show_databases),
    (_pattern(rf"show\s+tables(?:\s+(?:in|from)\s+(?P<database>{IDENTIFIER}))?\s*\Z"), _show_tables),
    (_pattern(rf"show\s+partitions\s+{NAME}\s*\Z"), _show_partitions),
    (_pattern(rf"show\s+columns\s+(?:in|from)\s+{NAME}\s*\Z"), _show_columns),
    (_pattern(rf"(?:describe|desc)\s+(?:formatted\s+|extended\s+)?{NAME}\s*\Z"), _describe),
    (_pattern(rf"show\s+create\s+(?P<what>table|view)\s+{NAME}\s*\Z"), _show_create),
    (_pattern(r"unload\s*\("), _unload),
]

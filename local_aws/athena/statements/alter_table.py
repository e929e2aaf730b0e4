"""ALTER TABLE: Trino for names and types, Glue for properties, partitions and the columns of Hive tables."""

import re

from local_aws.athena.errors import InvalidRequestError
from local_aws.athena.sql_text import (
    IDENTIFIER,
    parse_unquoted_properties,
    read_brackets,
    split_name,
    unquote_identifier,
)
from local_aws.athena.statements.plan import ParsedStatement, StatementPlan, plan_glue_action
from local_aws.athena.types import parse_columns, to_trino_type

_FLAGS = re.IGNORECASE | re.DOTALL
_PARTITION = r"partition\s*\(([^)]*)\)(?:\s*location\s*'([^']*)')?"


def plan_alter_table(statement: ParsedStatement) -> StatementPlan:
    """Plan an ALTER TABLE. Raises InvalidRequestError for a clause that Athena does not have."""
    database, table = statement.table
    clause = statement.tail.strip()
    if match := re.match(r"rename\s+to\s+(.+)", clause, _FLAGS):
        new_database, new_table = split_name(match[1], database)
        # the target has no catalog: Trino keeps a redirected table in its own
        return _plan_in_trino(statement, f'RENAME TO "{new_database}"."{new_table}"')
    if re.match(r"set\s+tblproperties\s*\(", clause, re.IGNORECASE):
        values = parse_unquoted_properties(read_brackets(clause, "tblproperties"))
        return plan_glue_action("DDL", "ALTER_TABLE", "set_properties", database=database, table=table, values=values)
    if match := re.match(r"(add|replace)\s+columns\s*\(", clause, re.IGNORECASE):
        action = f"{match[1].lower()}_columns"
        columns = parse_columns(read_brackets(clause, "columns"))
        return plan_glue_action("DDL", "ALTER_TABLE", action, database=database, table=table, columns=columns)
    if match := re.match(rf"drop\s+column\s+({IDENTIFIER})\s*\Z", clause, re.IGNORECASE):
        return _plan_in_trino(statement, f'DROP COLUMN "{unquote_identifier(match[1])}"')
    if match := re.match(rf"change\s+(?:column\s+)?({IDENTIFIER})\s+({IDENTIFIER})\s+(.+)", clause, _FLAGS):
        old, new = unquote_identifier(match[1]), unquote_identifier(match[2])
        if old != new:
            return _plan_in_trino(statement, f'RENAME COLUMN "{old}" TO "{new}"')
        return _plan_in_trino(statement, f'ALTER COLUMN "{old}" SET DATA TYPE {to_trino_type(match[3])}')
    if match := re.match(r"(add|drop)\s+(if\s+(?:not\s+)?exists\s+)?(?=partition)", clause, re.IGNORECASE):
        return plan_glue_action(
            "DDL",
            "ALTER_TABLE",
            f"{match[1].lower()}_partitions",
            database=database,
            table=table,
            partitions=_parse_partitions(clause),
            is_lenient=bool(match[2]),
        )
    first_word = clause.split(maxsplit=1)[0] if clause else ""
    raise InvalidRequestError(f"line 1:1: mismatched input '{first_word}' in ALTER TABLE")


def _plan_in_trino(statement: ParsedStatement, change: str) -> StatementPlan:
    return StatementPlan("DDL", "ALTER_TABLE", [f"ALTER TABLE {statement.trino_name()} {change}"])


def _parse_partitions(clause: str) -> list[tuple[dict[str, str], str | None]]:
    """Return (values by partition key, location or None) of each PARTITION."""
    return [
        ({key.strip("`"): value for key, value in parse_unquoted_properties(match[1]).items()}, match[2])
        for match in re.finditer(_PARTITION, clause, re.IGNORECASE)
    ]

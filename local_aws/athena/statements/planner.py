"""Plan any statement: translate it, pass it on, or refuse it as Athena does.

Athena's engine is a Trino, so queries and DML are passed on; only decimal literals become doubles, as Athena reads
them. DDL and maintenance are translated: Athena has Hive's DDL and its own CTAS, UNLOAD, OPTIMIZE and VACUUM.
"""

import re
from collections.abc import Callable

from local_aws.athena.errors import InvalidRequestError
from local_aws.athena.sql_text import (
    IDENTIFIER,
    NAME,
    decimals_to_doubles,
    mask_quotes,
    strip_leading_comments,
    unquote_identifier,
)
from local_aws.athena.statements.alter_table import plan_alter_table
from local_aws.athena.statements.create_table import plan_create_table
from local_aws.athena.statements.create_table_as import is_create_table_as, plan_create_table_as, plan_unload
from local_aws.athena.statements.databases_and_views import (
    plan_create_database,
    plan_create_view,
    plan_drop_database,
    plan_drop_table,
    plan_drop_view,
)
from local_aws.athena.statements.maintenance import plan_optimize, plan_repair, plan_vacuum
from local_aws.athena.statements.plan import ParsedStatement, StatementPlan
from local_aws.athena.statements.show import (
    plan_describe,
    plan_show_columns,
    plan_show_create,
    plan_show_databases,
    plan_show_partitions,
    plan_show_tables,
)
from local_aws.catalogs import ICEBERG

MAX_STATEMENT_BYTES = 262_144


def check_size(sql: str) -> None:
    """Raise InvalidRequestError for an empty statement and for one that is too long."""
    if len(sql.encode()) > MAX_STATEMENT_BYTES:
        raise InvalidRequestError(
            "1 validation error detected: Value at 'queryString' failed to satisfy constraint: Member must have "
            f"length less than or equal to {MAX_STATEMENT_BYTES}"
        )
    if not strip_leading_comments(sql):
        raise InvalidRequestError("Query string is empty")


def plan_statement(sql: str, database: str, output: str) -> StatementPlan:
    """Return the plan of a statement.

    `database` is the default database, `output` the s3:// prefix of the results. Raises InvalidRequestError for what
    Athena refuses before it runs, StatementError for what it runs and fails.
    """
    text = strip_leading_comments(sql)
    _refuse_other_catalogs(text)
    text = decimals_to_doubles(text)
    for pattern, planner in _PLANNERS:
        if match := pattern.match(text):
            return planner(ParsedStatement(text, match, database, output))
    keyword = re.match(r"\(*\s*(\w+)", text)
    first = keyword[1].upper() if keyword else ""
    if first in ("SELECT", "WITH", "VALUES", "TABLE"):
        return StatementPlan("DML", "SELECT", [text])
    if first in ("INSERT", "UPDATE", "DELETE", "MERGE", "EXPLAIN"):
        return StatementPlan("DML", first, [text])
    raise InvalidRequestError("Queries of this type are not supported")


def _refuse_other_catalogs(text: str) -> None:
    """Raise InvalidRequestError when a statement names one of Trino's own catalogs; Athena has Glue's only."""
    bare = re.search(rf"(?<![\w.\"])(system|{ICEBERG})\s*\.\s*\"?\w+\"?\s*\.", mask_quotes(text), re.IGNORECASE)
    quoted = re.search(rf'"(system|{ICEBERG})"\s*\.', text, re.IGNORECASE)
    if match := bare or quoted:
        raise InvalidRequestError(f"CATALOG_NOT_FOUND: Catalog '{unquote_identifier(match[1])}' does not exist")


def _plan_any_create_table(statement: ParsedStatement) -> StatementPlan:
    return plan_create_table_as(statement) if is_create_table_as(statement) else plan_create_table(statement)


def _refuse_create(statement: ParsedStatement) -> StatementPlan:
    raise InvalidRequestError(
        f"line 1:8: mismatched input '{statement.head[1]}'. Expecting: table, view, database or schema"
    )


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE | re.DOTALL)


_IF_NOT_EXISTS = r"(?P<if_not_exists>if\s+not\s+exists\s+)?"
_IF_EXISTS = r"(?P<if_exists>if\s+exists\s+)?"
_DATABASE = rf"(?P<database>{IDENTIFIER})"
_PLANNERS: list[tuple[re.Pattern[str], Callable[[ParsedStatement], StatementPlan]]] = [
    (
        _pattern(
            rf"create\s+(?:schema|database)\s+{_IF_NOT_EXISTS}{_DATABASE}(?:.*?location\s*'(?P<location>[^']*)')?"
        ),
        plan_create_database,
    ),
    (
        _pattern(rf"drop\s+(?:schema|database)\s+{_IF_EXISTS}{_DATABASE}\s*(?P<behavior>cascade|restrict)?\s*\Z"),
        plan_drop_database,
    ),
    (_pattern(rf"drop\s+table\s+{_IF_EXISTS}{NAME}\s*\Z"), plan_drop_table),
    (_pattern(rf"drop\s+view\s+{_IF_EXISTS}{NAME}\s*\Z"), plan_drop_view),
    (_pattern(rf"create\s+(?P<external>external\s+)?table\s+{_IF_NOT_EXISTS}{NAME}"), _plan_any_create_table),
    (_pattern(rf"create\s+(?:or\s+replace\s+)?view\s+{NAME}"), plan_create_view),
    (_pattern(r"create\s+(.{1,30}?)\b"), _refuse_create),
    (_pattern(rf"alter\s+table\s+{NAME}\s+"), plan_alter_table),
    (_pattern(rf"msck\s+repair\s+table\s+{NAME}\s*\Z"), plan_repair),
    (_pattern(rf"optimize\s+{NAME}\s+rewrite\s+data\s+using\s+bin_pack\s*(?P<where>where\b.*)?\Z"), plan_optimize),
    (_pattern(rf"vacuum\s+{NAME}\s*\Z"), plan_vacuum),
    (_pattern(r"show\s+(?:databases|schemas)(?:\s+like\s+(?P<like>'[^']*'))?\s*\Z"), plan_show_databases),
    (_pattern(rf"show\s+tables(?:\s+(?:in|from)\s+{_DATABASE})?\s*\Z"), plan_show_tables),
    (_pattern(rf"show\s+partitions\s+{NAME}\s*\Z"), plan_show_partitions),
    (_pattern(rf"show\s+columns\s+(?:in|from)\s+{NAME}\s*\Z"), plan_show_columns),
    (_pattern(rf"(?:describe|desc)\s+(?:formatted\s+|extended\s+)?{NAME}\s*\Z"), plan_describe),
    (_pattern(rf"show\s+create\s+(?P<kind>table|view)\s+{NAME}\s*\Z"), plan_show_create),
    (_pattern(r"unload\s*\("), plan_unload),
]
"""The planner of each statement that is not passed on unchanged; the first pattern that matches counts."""

"""SHOW and DESCRIBE."""

from local_aws.athena.sql_text import unquote_identifier
from local_aws.athena.statements.plan import ParsedStatement, StatementPlan, plan_glue_action
from local_aws.catalogs import HIVE


def plan_show_databases(statement: ParsedStatement) -> StatementPlan:
    """Plan a SHOW DATABASES."""
    like = f" LIKE {statement.group('like')}" if statement.group("like") else ""
    return StatementPlan("UTILITY", "SHOW_DATABASES", [f'SHOW SCHEMAS FROM "{HIVE}"{like}'])


def plan_show_tables(statement: ParsedStatement) -> StatementPlan:
    """Plan a SHOW TABLES."""
    database = unquote_identifier(statement.group("database") or statement.database)
    return StatementPlan("UTILITY", "SHOW_TABLES", [f'SHOW TABLES FROM "{HIVE}"."{database}"'])


def plan_show_partitions(statement: ParsedStatement) -> StatementPlan:
    """Plan a SHOW PARTITIONS."""
    database, table = statement.table
    return plan_glue_action("UTILITY", "SHOW_PARTITIONS", "show_partitions", database=database, table=table)


def plan_show_columns(statement: ParsedStatement) -> StatementPlan:
    """Plan a SHOW COLUMNS."""
    database, table = statement.table
    return plan_glue_action("UTILITY", "SHOW_COLUMNS", "show_columns", database=database, table=table)


def plan_describe(statement: ParsedStatement) -> StatementPlan:
    """Plan a DESCRIBE."""
    database, table = statement.table
    return plan_glue_action("UTILITY", "DESCRIBE_TABLE", "describe", database=database, table=table)


def plan_show_create(statement: ParsedStatement) -> StatementPlan:
    """Plan a SHOW CREATE TABLE or SHOW CREATE VIEW."""
    kind = statement.group("kind")
    return StatementPlan("UTILITY", f"SHOW_CREATE_{kind.upper()}", [f"SHOW CREATE {kind} {statement.trino_name()}"])

"""CREATE and DROP of databases and views, and DROP TABLE."""

from local_aws.athena.sql_text import unquote_identifier
from local_aws.athena.statements.plan import ParsedStatement, StatementPlan, plan_glue_action
from local_aws.catalogs import HIVE


def plan_create_database(statement: ParsedStatement) -> StatementPlan:
    """Plan a CREATE DATABASE."""
    location = f" WITH (location = '{statement.group('location')}')" if statement.group("location") else ""
    name = unquote_identifier(statement.group("database"))
    sql = f'CREATE SCHEMA {statement.group("if_not_exists")}"{HIVE}"."{name}"{location}'
    return StatementPlan("DDL", "CREATE_DATABASE", [sql])


def plan_drop_database(statement: ParsedStatement) -> StatementPlan:
    """Plan a DROP DATABASE."""
    name = unquote_identifier(statement.group("database"))
    sql = f'DROP SCHEMA {statement.group("if_exists")}"{HIVE}"."{name}" {statement.group("behavior")}'
    return StatementPlan("DDL", "DROP_DATABASE", [sql])


def plan_create_view(statement: ParsedStatement) -> StatementPlan:
    """Plan a CREATE VIEW."""
    return StatementPlan("DDL", "CREATE_VIEW", [statement.sql], view=statement.table)


def plan_drop_view(statement: ParsedStatement) -> StatementPlan:
    """Plan a DROP VIEW."""
    return StatementPlan("DDL", "DROP_VIEW", [f"DROP VIEW {statement.group('if_exists')}{statement.trino_name()}"])


def plan_drop_table(statement: ParsedStatement) -> StatementPlan:
    """Plan a DROP TABLE: the files of an external table are kept, those of an Iceberg table are deleted."""
    database, table = statement.table
    if_exists = bool(statement.group("if_exists"))
    return plan_glue_action("DDL", "DROP_TABLE", "drop_table", database=database, table=table, if_exists=if_exists)

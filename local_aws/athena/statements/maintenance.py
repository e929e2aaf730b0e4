"""Maintenance of tables: OPTIMIZE, VACUUM and MSCK REPAIR TABLE."""

from local_aws.athena.sql_text import quote_literals
from local_aws.athena.statements.plan import ParsedStatement, StatementPlan
from local_aws.catalogs import HIVE, ICEBERG


def plan_optimize(statement: ParsedStatement) -> StatementPlan:
    """Plan an OPTIMIZE … REWRITE DATA USING BIN_PACK."""
    sql = f"ALTER TABLE {statement.trino_name(ICEBERG)} EXECUTE optimize {statement.group('where')}"
    return StatementPlan("DML", "OPTIMIZE", [sql])


def plan_vacuum(statement: ParsedStatement) -> StatementPlan:
    """Plan a VACUUM; its statements depend on the table's properties and are made when it runs."""
    return StatementPlan("DML", "VACUUM", vacuum=statement.table)


def plan_repair(statement: ParsedStatement) -> StatementPlan:
    """Plan an MSCK REPAIR TABLE, which adds the partitions that S3 has."""
    sql = f"CALL {HIVE}.system.sync_partition_metadata({quote_literals(statement.table)}, 'ADD')"
    return StatementPlan("DDL", "MSCK_REPAIR", [sql])

"""Statements are planned: translated, passed on or refused. Without a server."""

import pytest

from local_aws.athena.errors import InvalidRequestError, StatementError
from local_aws.athena.statements.planner import MAX_STATEMENT_BYTES, check_size, plan_statement

OUTPUT = "s3://results/x"


def trino(sql: str) -> str:
    return plan_statement(sql, "db", OUTPUT).trino[-1]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("select 1;", "select 1"),
        ("-- a comment\n/* more */ select 1", "select 1"),
        (
            "OPTIMIZE t REWRITE DATA USING BIN_PACK where d > 1",
            'ALTER TABLE "local_iceberg"."db"."t" EXECUTE optimize where d > 1',
        ),
        (
            "alter table `other`.`a` rename to `other`.`b`",
            'ALTER TABLE "awsdatacatalog"."other"."a" RENAME TO "other"."b"',
        ),
        ("show tables in x", 'SHOW TABLES FROM "awsdatacatalog"."x"'),
        ("create schema if not exists `x`", 'CREATE SCHEMA if not exists "awsdatacatalog"."x"'),
        (
            "alter table t change a a bigint",
            'ALTER TABLE "awsdatacatalog"."db"."t" ALTER COLUMN "a" SET DATA TYPE bigint',
        ),
    ],
)
def test_a_statement_is_translated(sql: str, expected: str) -> None:
    assert trino(sql) == expected


def test_an_iceberg_ctas_keeps_athenas_own_table_properties() -> None:
    plan = plan_statement(
        "create table \"db\".\"t\" with (table_type='iceberg', location='s3://b/t/', partitioning=ARRAY['day(x)'], "
        "is_external=false, write_compression='zstd', vacuum_max_snapshot_age_seconds='60') as select 1 as x",
        "db",
        OUTPUT,
    )
    assert plan.trino == [
        'CREATE TABLE "local_iceberg"."db"."t" WITH (location = \'s3://b/t\', partitioning = ARRAY[\'day(x)\'], '
        "extra_properties = MAP(ARRAY['vacuum_max_snapshot_age_seconds'], ARRAY['60'])) AS select 1 as x"
    ]
    assert plan.session == {"local_iceberg.compression_codec": "ZSTD"}
    assert plan.iceberg_select == "select 1 as x"


def test_a_hive_table_is_created_in_glue_with_its_serde_and_projection() -> None:
    plan = plan_statement(
        "create external table raw.lines (line string comment 'it''s') partitioned by (dt string) "
        "row format serde 'org.apache.hadoop.hive.serde2.RegexSerDe' with serdeproperties ('input.regex' = '^(.*)$') "
        "location 's3://b/l/' tblproperties ('projection.enabled' = 'true', 'storage.location.template' = 's3://b/dt=${dt}/')",
        "db",
        OUTPUT,
    )
    assert plan.glue is not None
    table = plan.glue.arguments["table"]
    assert isinstance(table, dict)
    assert table["PartitionKeys"] == [{"Name": "dt", "Type": "string"}]
    assert table["StorageDescriptor"]["SerdeInfo"]["Parameters"] == {"input.regex": "^(.*)$"}
    assert table["Parameters"]["storage.location.template"] == "s3://b/dt=${dt}/"


def test_partition_transforms_of_hive_ddl_are_translated() -> None:
    sql = trino(
        "create table t (a int, s string) partitioned by (bucket(8, s), day(a)) location 's3://b/t' "
        "tblproperties ('table_type' = 'ICEBERG')"
    )
    assert "partitioning = ARRAY['bucket(s, 8)', 'day(a)']" in sql
    assert '"a" integer, "s" varchar' in sql


@pytest.mark.parametrize(
    "sql",
    [
        "grant select on t to x",
        "call system.runtime.kill_query('x')",
        "set session x = 1",
        "use db",
        "create materialized view v as select 1",
        "create function f() returns int return 1",
        "truncate table t",
        "start transaction",
        "analyze t",
        "show catalogs",
        "create index i on t (a)",
        "select * from system.runtime.nodes",
        'select * from "local_iceberg".db.t',
        "alter table t owner to x",
    ],
)
def test_unsupported_statements_are_refused(sql: str) -> None:
    with pytest.raises(InvalidRequestError):
        plan_statement(sql, "db", OUTPUT)


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("create table t with (foo = 1) as select 1 as x", "'foo' does not exist"),
        (
            "create table t (a int) location 's3://b/t' tblproperties ('table_type'='ICEBERG', 'x'='1')",
            "Unsupported table property key: x",
        ),
        ("create table t (a int) location 's3://b/t'", "only EXTERNAL tables and Iceberg tables"),
        (
            "create table t (a smallint) location 's3://b/t' tblproperties ('table_type'='ICEBERG')",
            "Type not supported",
        ),
        ("create external table t (a int) location '/tmp/x'", "not an s3:// path"),
    ],
)
def test_invalid_statements_fail_with_a_reason(sql: str, reason: str) -> None:
    with pytest.raises(StatementError, match="(?i)" + reason.replace("(", r"\(")):
        plan_statement(sql, "db", OUTPUT)


def test_catalog_names_in_quotes_and_comments_are_ignored() -> None:
    assert trino("select 'from system.runtime.nodes' as x -- system.a.b").startswith("select")
    assert trino("select t.system.x.y from t") == "select t.system.x.y from t"


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("select 10/3.0, 1/0.0", "select 10/3.0e0, 1/0.0e0"),
        ("select -1.5, .5, 1., (2.5)", "select -1.5e0, .5e0, 1.e0, (2.5e0)"),
        ("select 1.5e3, 1.5E-3, .5e1", "select 1.5e3, 1.5E-3, .5e1"),
        ("select decimal '1.5', '1.5', 'it''s 1.5'", "select decimal '1.5', '1.5', 'it''s 1.5'"),
        ('select "1.5", t1.c2, "t".c, a[1].b from "d.1"."2.5"', 'select "1.5", t1.c2, "t".c, a[1].b from "d.1"."2.5"'),
        ("select 1 -- 1.5\n, /* 2.5 */ 3.5", "select 1 -- 1.5\n, /* 2.5 */ 3.5e0"),
        ("select cast(1 as decimal(9, 2)), x.5y", "select cast(1 as decimal(9, 2)), x.5y"),
        ("insert into t values (1.5, 'x 2.5')", "insert into t values (1.5e0, 'x 2.5')"),
        (
            "create table t with (format='PARQUET', external_location='s3://b/1.5') as select 1.5 v",
            'CREATE TABLE "awsdatacatalog"."db"."t" WITH (format = \'PARQUET\', external_location = \'s3://b/1.5\') '
            "AS select 1.5e0 v",
        ),
    ],
)
def test_a_decimal_literal_is_a_double(sql: str, expected: str) -> None:
    assert trino(sql) == expected


def test_a_statement_has_at_most_262144_bytes() -> None:
    check_size("x" * MAX_STATEMENT_BYTES)
    with pytest.raises(InvalidRequestError, match="262144"):
        check_size("é" * (MAX_STATEMENT_BYTES // 2) + "x")
    with pytest.raises(InvalidRequestError, match="empty"):
        check_size("-- nothing\n")

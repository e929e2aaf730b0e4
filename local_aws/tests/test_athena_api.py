"""Athena's API as boto3 calls it, on a running local AWS."""

import csv
import io
import time
from concurrent.futures import ThreadPoolExecutor

import boto3
import pytest
from botocore.exceptions import ClientError

from local_aws.tests.conftest import RESULTS, AthenaRunner

SLOW = "select count(*) from unnest(sequence(1, 10000)) a (x) cross join unnest(sequence(1, 10000)) b (y) where sin(x*y) > 2"


def test_values_have_athenas_text_and_types(athena: AthenaRunner) -> None:
    query = athena.run(
        "select cast(1.5 as decimal(18, 8)) d, 1e10 e, true b, cast(null as varchar) n, timestamp '2020-03-08 02:30:00.123456' t, "
        "array[1, null] a, map(array['k'], array[1]) m, cast(row(1, 'x') as row(p int, q varchar)) r, from_hex('0aff') h"
    )
    assert query.rows == [
        [
            "1.50000000",
            "1.0E10",
            "true",
            None,
            "2020-03-08 02:30:00.123456",
            "[1, null]",
            "{k=1}",
            "{p=1, q=x}",
            "0a ff",
        ]
    ]
    page = athena.api.get_query_results(QueryExecutionId=query.execution["QueryExecutionId"])
    columns = page["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]
    type_names = ["decimal", "double", "boolean", "varchar", "timestamp", "array", "map", "row", "varbinary"]
    assert [column["Type"] for column in columns] == type_names
    assert (columns[0]["Precision"], columns[0]["Scale"]) == (18, 8)


def test_a_decimal_literal_is_a_double(athena: AthenaRunner) -> None:
    assert athena.rows_of("select typeof(1.5), 10/3.0, 1/0.0, typeof(decimal '1.5')") == [
        ["double", "3.3333333333333335", "Infinity", "decimal(2,1)"]
    ]
    assert athena.rows_of("select 100.0 * 1 / 3000") == [["0.03333333333333333"]]
    assert athena.rows_of("select typeof(?)", ExecutionParameters=["0.33"]) == [["double"]]
    athena.rows_of("create table tests.literals with (format = 'PARQUET') as select 1.5 as v")
    metadata = athena.api.get_table_metadata(CatalogName="awsdatacatalog", DatabaseName="tests", TableName="literals")
    assert [column["Type"] for column in metadata["TableMetadata"]["Columns"]] == ["double"]


def test_pages_have_the_header_once_and_every_row(athena: AthenaRunner) -> None:
    execution = athena.wait(athena.start("select n from unnest(sequence(1, 2500)) as t (n)"))
    pages = list(athena.api.get_paginator("get_query_results").paginate(QueryExecutionId=execution["QueryExecutionId"]))
    assert [len(page["ResultSet"]["Rows"]) for page in pages] == [1000, 1000, 501]
    values = [row["Data"][0]["VarCharValue"] for page in pages for row in page["ResultSet"]["Rows"]]
    assert values == ["n", *map(str, range(1, 2501))]


def test_the_csv_in_s3_is_what_athena_writes(athena: AthenaRunner) -> None:
    execution = athena.run("select 'a\"b' as x, cast(null as varchar) as y, '' as z, 'l1\nl2' as w").execution
    location = execution["ResultConfiguration"]["OutputLocation"]
    assert location == f"{RESULTS}{execution['QueryExecutionId']}.csv"
    bucket, _, key = location.removeprefix("s3://").partition("/")
    text = boto3.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read().decode()
    assert text == '"x","y","z","w"\n"a""b",,"","l1\nl2"\n'
    assert list(csv.reader(io.StringIO(text)))[1] == ['a"b', "", "", "l1\nl2"]


def test_the_same_client_token_is_the_same_execution(athena: AthenaRunner) -> None:
    token = "token-" + "x" * 32
    assert athena.start("select 1", ClientRequestToken=token) == athena.start("select 1", ClientRequestToken=token)
    with pytest.raises(ClientError, match="Idempotent parameters do not match"):
        athena.start("select 2", ClientRequestToken=token)


def test_parameters_and_prepared_statements(athena: AthenaRunner) -> None:
    assert athena.rows_of("select ? + 1, ?", ExecutionParameters=["41", "'x'"]) == [["42", "x"]]
    athena.api.create_prepared_statement(StatementName="plus", WorkGroup="primary", QueryStatement="select ? + ?")
    assert athena.rows_of("execute plus using 2, 3") == [["5"]]
    assert athena.rows_of("execute plus", ExecutionParameters=["2", "5"]) == [["7"]]
    athena.api.delete_prepared_statement(StatementName="plus", WorkGroup="primary")
    assert "was not found" in athena.run("execute plus using 2, 3").reason


def test_a_stopped_query_is_cancelled(athena: AthenaRunner) -> None:
    execution_id = athena.start(SLOW)
    time.sleep(0.5)
    athena.api.stop_query_execution(QueryExecutionId=execution_id)
    assert athena.wait(execution_id, 15)["Status"]["State"] == "CANCELLED"
    with pytest.raises(ClientError, match="Final query state: CANCELLED"):
        athena.api.get_query_results(QueryExecutionId=execution_id)


def test_the_workgroups_limit_cancels_a_query(athena: AthenaRunner) -> None:
    athena.api.create_work_group(
        Name="limited",
        Configuration={
            "BytesScannedCutoffPerQuery": 10_000_000,
            "EnforceWorkGroupConfiguration": True,
            "ResultConfiguration": {"OutputLocation": "s3://results/limited/"},
        },
    )
    athena.rows_of(
        "create table tests.wide with (table_type = 'ICEBERG', location = 's3://lake/wide', is_external = false) as "
        "select n, uuid() as a from unnest(sequence(1, 1000)) t (n) cross join unnest(sequence(1, 1500)) u (m)"
    )
    everything = athena.run("select count(distinct a) from tests.wide")
    assert everything.scanned > 10_000_000
    limited = athena.run("select count(distinct a) from tests.wide", WorkGroup="limited")
    assert limited.state == "CANCELLED"
    assert "Bytes scanned limit" in limited.reason
    assert (
        athena.run("select 1", WorkGroup="limited")
        .execution["ResultConfiguration"]["OutputLocation"]
        .startswith("s3://results/limited/")
    )


def test_twenty_concurrent_queries_succeed(athena: AthenaRunner) -> None:
    with ThreadPoolExecutor(20) as pool:
        results = list(pool.map(lambda n: athena.rows_of(f"select {n} * 2"), range(20)))
    assert results == [[[str(n * 2)]] for n in range(20)]


def test_errors_have_athenas_text(athena: AthenaRunner) -> None:
    assert athena.run("select * from nope").reason.startswith("TABLE_NOT_FOUND: line 1:15:")
    assert athena.run("select 1 / 0").reason.startswith("DIVISION_BY_ZERO")
    assert athena.run("select").reason.startswith("SYNTAX_ERROR")
    failed = athena.run(
        "create table tests.t3 with (table_type='ICEBERG', location='s3://lake/t3') as select now() as x"
    )
    assert "Timestamp precision (3) not supported for Iceberg" in failed.reason
    assert failed.execution["Status"]["AthenaError"]["ErrorCategory"] == 2
    with pytest.raises(ClientError, match="was not found"):
        athena.api.get_query_execution(QueryExecutionId="nope")
    with pytest.raises(ClientError, match="No output location"):
        athena.api.start_query_execution(QueryString="select 1")


def test_more_than_100_open_partitions_are_refused(athena: AthenaRunner) -> None:
    days = "select date_add('day', n, date '2020-01-01') as d, n from unnest(sequence(1, {})) as t (n)"
    create = "create table tests.parts{0} with (table_type='ICEBERG', location='s3://lake/parts{0}', partitioning=ARRAY['d']) as "
    assert athena.run(create.format(100) + days.format(100)).state == "SUCCEEDED"
    failed = athena.run(create.format(101) + days.format(101))
    assert "TOO_MANY_OPEN_PARTITIONS" in failed.reason
    hive = "create table tests.hive101 with (partitioned_by=ARRAY['d'], external_location='s3://lake/hive101') as "
    failed = athena.run(hive + "select n, cast(d as varchar) as d from (" + days.format(101) + ")")
    assert "HIVE_TOO_MANY_OPEN_PARTITIONS" in failed.reason


def test_projected_partitions_are_read(athena: AthenaRunner) -> None:
    s3 = boto3.client("s3")
    for day in ("2026-01-01", "2026-01-02"):
        s3.put_object(Bucket="lake", Key=f"lines/dt={day}/hr=05/x.txt", Body=f"a\\N\x01b{day}\nnext,line\n".encode())
    athena.rows_of(
        "create external table tests.lines (line string) partitioned by (dt string) "
        "row format serde 'org.apache.hadoop.hive.serde2.RegexSerDe' with serdeproperties ('input.regex' = '^(.*)$') "
        "location 's3://lake/lines/' tblproperties ('projection.enabled'='true', 'projection.dt.type'='date', "
        "'projection.dt.format'='yyyy-MM-dd', 'projection.dt.range'='2026-01-01,NOW+1DAYS', 'projection.dt.interval'='1', "
        "'projection.dt.interval.unit'='DAYS', 'storage.location.template'='s3://lake/lines/dt=${dt}/')"
    )
    rows = athena.rows_of("select line, \"$path\", dt from tests.lines where dt = '2026-01-02' order by line")
    path = "s3://lake/lines/dt=2026-01-02/hr=05/x.txt"
    assert rows == [["a\\N\x01b2026-01-02", path, "2026-01-02"], ["next,line", path, "2026-01-02"]]
    assert athena.rows_of("select count(*) from tests.lines") == [["4"]]


def test_tables_of_each_format_are_read(athena: AthenaRunner) -> None:
    s3 = boto3.client("s3")
    s3.put_object(Bucket="lake", Key="json/x.json", Body=b'{"a": 1, "b": "x"}\n{"a": 2}\n')
    athena.rows_of(
        "create external table tests.j (a int, b string) row format serde 'org.openx.data.jsonserde.JsonSerDe' "
        "location 's3://lake/json/'"
    )
    assert athena.rows_of("select a, b from tests.j order by a") == [["1", "x"], ["2", None]]
    s3.put_object(Bucket="lake", Key="csv/x.csv", Body=b"1|x\n2|y\n")
    athena.rows_of(
        "create external table tests.c (a int, b string) row format delimited fields terminated by '|' "
        "location 's3://lake/csv/'"
    )
    assert athena.rows_of("select a, b from tests.c order by a") == [["1", "x"], ["2", "y"]]
    athena.rows_of(
        "create table tests.p with (format='PARQUET', write_compression='SNAPPY') as select 1 as a, 'x' as b"
    )
    assert athena.rows_of("select * from tests.p") == [["1", "x"]]
    athena.rows_of("unload (select a from tests.p) to 's3://lake/unloaded/' with (format = 'PARQUET')")
    assert boto3.client("s3").list_objects_v2(Bucket="lake", Prefix="unloaded/")["KeyCount"] == 1


def test_the_columns_of_a_view_are_in_glue(athena: AthenaRunner) -> None:
    columns = {
        "cast('x' as varchar)": "string",
        "cast('x' as varchar(5))": "varchar(5)",
        "1": "int",
        "1.5": "double",
        "decimal '1.5'": "decimal(2,1)",
        "timestamp '2020-01-01 00:00:00.000001'": "timestamp",
        "array[1]": "array<int>",
        "map(array['a'], array[1e0])": "map<varchar(1),double>",
        "cast(row(1, 'b') as row(b bigint, c varchar))": "struct<b:bigint,c:string>",
    }
    select = ", ".join(f"{value} as c{n}" for n, value in enumerate(columns))
    for _ in range(2):  # created, then replaced
        athena.rows_of(f"create or replace view tests.typed_view as select {select}")
        metadata = athena.api.get_table_metadata(
            CatalogName="awsdatacatalog", DatabaseName="tests", TableName="typed_view"
        )
        view_columns = [(column["Name"], column["Type"]) for column in metadata["TableMetadata"]["Columns"]]
        assert view_columns == [(f"c{n}", type_name) for n, type_name in enumerate(columns.values())]
    assert athena.run("select c2 from tests.typed_view").rows == [["1"]]


def test_ddl_of_an_iceberg_table(athena: AthenaRunner, table: str) -> None:
    name = table.split(".")[1]
    athena.rows_of(f"alter table `tests`.`{name}` add columns (`w` string)")
    assert athena.rows_of(f"describe {table}")[2][0] == f"{'w':<20}"
    athena.rows_of(f"alter table {table} set tblproperties ('vacuum_max_snapshot_age_seconds' = '0')")
    athena.rows_of(f"update {table} set v = 1 where id = 1")
    athena.rows_of(f"delete from {table} where id = 2")
    version = athena.rows_of(f'select snapshot_id from "tests"."{name}$snapshots" order by committed_at limit 1')[0][0]
    athena.rows_of(f"create or replace view tests.{name}_v as select id, v from {table} for version as of {version}")
    assert athena.rows_of(f"select count(*), sum(v) from tests.{name}_v") == [["2000", "0"]]
    assert athena.rows_of(f"select count(*), sum(v) from {table}") == [["1999", "1"]]
    athena.rows_of(f"optimize {table} rewrite data using bin_pack")
    athena.rows_of(f"vacuum {table}")
    assert athena.rows_of(f'select count(*) from "tests"."{name}$snapshots"') == [["1"]]
    athena.rows_of(f"alter table {table} rename to tests.{name}_b")
    assert athena.rows_of(f"select count(*) from {table}_b") == [["1999"]]
    athena.rows_of(f"drop table {table}_b")
    assert "not found" in athena.run(f"drop table {table}_b").reason.lower()
    athena.rows_of(f"drop table if exists {table}_b")


def test_metadata_operations(athena: AthenaRunner, table: str) -> None:
    api, name = athena.api, table.split(".")[1]
    assert "tests" in [d["Name"] for d in api.list_databases(CatalogName="AwsDataCatalog")["DatabaseList"]]
    assert api.get_database(CatalogName="awsdatacatalog", DatabaseName="tests")["Database"]["Name"] == "tests"
    metadata = api.get_table_metadata(CatalogName="AwsDataCatalog", DatabaseName="tests", TableName=name)
    assert [(c["Name"], c["Type"]) for c in metadata["TableMetadata"]["Columns"]] == [("id", "bigint"), ("v", "int")]
    assert name in [
        t["Name"]
        for t in api.list_table_metadata(CatalogName="AwsDataCatalog", DatabaseName="tests")["TableMetadataList"]
    ]
    with pytest.raises(ClientError, match="EntityNotFoundException; Request ID"):
        api.get_table_metadata(CatalogName="AwsDataCatalog", DatabaseName="tests", TableName="nope")
    engine = api.get_work_group(WorkGroup="primary")["WorkGroup"]["Configuration"]["EngineVersion"]
    assert engine["EffectiveEngineVersion"] == "Athena engine version 3"
    ids = api.list_query_executions(WorkGroup="primary", MaxResults=5)["QueryExecutionIds"]
    assert len(api.batch_get_query_execution(QueryExecutionIds=ids)["QueryExecutions"]) == 5
    assert (
        api.get_query_runtime_statistics(QueryExecutionId=ids[0])["QueryRuntimeStatistics"]["Rows"]["InputBytes"] >= 0
    )


def test_concurrent_appends_are_all_committed(athena: AthenaRunner, table: str) -> None:
    def append(n: int) -> str:
        return athena.run(f"insert into {table} select {n}, m from unnest(sequence(1, 100)) as t (m)").state

    with ThreadPoolExecutor(6) as pool:
        states = list(pool.map(append, range(10_001, 10_007)))
    assert athena.rows_of(f"select count(*) from {table} where id > 10000") == [[str(100 * states.count("SUCCEEDED"))]]
    assert states.count("SUCCEEDED") == 6


def test_of_conflicting_merges_one_is_committed_and_the_others_fail(athena: AthenaRunner, table: str) -> None:
    def merge(n: int) -> tuple[str, str, object]:
        query = athena.run(
            f"merge into {table} t using (select m, {n} as w from unnest(sequence(1, 2000)) u (m)) s on t.id = s.m "
            "when matched then update set v = s.w"
        )
        error = query.execution["Status"].get("AthenaError", {})
        return query.state, query.reason, error.get("ErrorType")

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(merge, range(1, 5)))
    failed = [result for result in results if result[0] == "FAILED"]
    assert all("ICEBERG_COMMIT_ERROR" in reason and error_type == 233 for _, reason, error_type in failed), failed
    values = athena.rows_of(f"select count(*), count(distinct v), max(v) from {table}")
    assert values[0][:2] == ["2000", "1"]
    assert len(failed) >= 1


def test_memory_does_not_grow_with_results(athena: AthenaRunner) -> None:
    status = f"/proc/{athena.aws.pid}/status"

    def resident() -> int:
        with open(status) as file:  # noqa: PTH123
            return int(next(line for line in file if line.startswith("VmRSS")).split()[1])

    big = "select n, cast(n as varchar) || 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' from unnest(sequence(1, 9999)) as t (n)"
    athena.rows_of(big)
    before = resident()
    for _ in range(20):
        athena.rows_of(big + " cross join unnest(sequence(1, 5)) as u (m)")
    # 20 x 50,000 rows are 60 MB of CSV, which moto's S3 keeps in memory; the rows themselves would be several times that
    assert resident() - before < 150_000

"""Published clients, unmodified."""

import pandas as pd
import pytest

from local_aws.tests.conftest import RESULTS, AthenaRunner


def test_pyathena_cursor(athena: AthenaRunner, table: str) -> None:
    from pyathena import connect

    cursor = connect(s3_staging_dir=RESULTS, schema_name="tests", poll_interval=0.05).cursor()
    cursor.execute(
        f"select id, v, date '2020-02-29', cast(1.5 as decimal(9, 2)) from {table} where id <= %(most)s order by 1",
        {"most": 2},
    )
    rows = cursor.fetchall()
    assert [row[0] for row in rows] == [1, 2]
    assert str(rows[0][2:]) == "(datetime.date(2020, 2, 29), Decimal('1.50'))"
    assert cursor.data_scanned_in_bytes > 0


def test_pyathena_pandas_cursor(athena: AthenaRunner, table: str) -> None:
    from pyathena import connect
    from pyathena.pandas.cursor import PandasCursor

    cursor = connect(
        s3_staging_dir=RESULTS, schema_name="tests", poll_interval=0.05, cursor_class=PandasCursor
    ).cursor()
    frame = cursor.execute(f"select id, v from {table} order by id").as_pandas()
    assert frame.shape == (2000, 2)
    assert list(frame["id"][:3]) == [1, 2, 3]


def test_sqlalchemy_reads_and_reflects(athena: AthenaRunner, table: str) -> None:
    from sqlalchemy import create_engine, inspect, text

    engine = create_engine(
        f"awsathena+rest://athena.us-east-1.amazonaws.com:443/tests?s3_staging_dir={RESULTS}&poll_interval=0.05"
    )
    with engine.connect() as connection:
        assert connection.execute(text(f"select count(*) from {table}")).scalar() == 2000
    inspector = inspect(engine)
    name = table.split(".")[1]
    assert name in inspector.get_table_names(schema="tests")
    assert [column["name"] for column in inspector.get_columns(name, schema="tests")] == ["id", "v"]
    assert not inspector.has_table("nope", schema="tests")


@pytest.mark.parametrize("ctas_approach", [False, True])
def test_awswrangler(athena: AthenaRunner, table: str, ctas_approach: bool) -> None:
    import awswrangler as wr

    frame = wr.athena.read_sql_query(
        f"select id, v from {table} where id <= 10", database="tests", ctas_approach=ctas_approach, s3_output=RESULTS
    )
    assert isinstance(frame, pd.DataFrame)
    assert sorted(frame["id"]) == list(range(1, 11))


def test_the_calls_of_grafana(athena: AthenaRunner) -> None:
    api = athena.api
    api.get_work_group(WorkGroup="primary")
    assert api.list_data_catalogs()["DataCatalogsSummary"][0]["CatalogName"] == "AwsDataCatalog"
    api.list_work_groups()
    execution_id = athena.start(
        "SELECT 1", ResultReuseConfiguration={"ResultReuseByAgeConfiguration": {"Enabled": True, "MaxAgeInMinutes": 60}}
    )
    athena.wait(execution_id)
    assert api.get_query_results(QueryExecutionId=execution_id)["ResultSet"]["Rows"][1]["Data"] == [
        {"VarCharValue": "1"}
    ]

"""How tables lie on one machine: compressed Parquet by month, of which a question about a day reads one file."""

import re
from contextlib import closing

import duckdb
import pytest

from testkit.lake import MARTS, Lake, bar
from tickerlake import lake as lakes


@pytest.mark.slow
def test_marts_are_compressed_parquet_by_month_and_a_day_reads_its_month_only(lake: Lake) -> None:
    months = ("2025-12", "2026-01", "2026-02")
    lake.land([bar(minute=f"{month}-10T15:00:00Z", line_number=i) for i, month in enumerate(months)], "2026-03-02 15")
    lake.run()
    for mart in MARTS:
        files = [str(file) for file in (lake.folder / "warehouse").rglob(f"{mart}/**/*.parquet")]
        assert len(files) == len(months), files
        codecs = duckdb.sql(f"select distinct compression from parquet_metadata({files})").fetchall()
        assert codecs == [("SNAPPY",)]
        with closing(lakes.connect(lake.folder, lakes.CATALOG)) as connection:
            query = f"select * from lake.tickerlake_marts.{mart} where bar_date = date '2026-01-10'"
            plan = connection.sql(f"explain analyze {query}").fetchall()[0][1]
        assert re.findall(r"Total Files Read: (\d+)", plan) == ["1"], mart


@pytest.mark.slow
def test_each_run_of_a_model_is_kept_with_its_time_and_batch(lake: Lake) -> None:
    lake.land([bar()], "2026-03-02 15")
    lake.run()
    lake.land([bar(minute="2026-03-02T15:01:00Z", line_number=2)], "2026-03-02 16")
    lake.run()
    kept = lake.query(
        "select model, count(distinct invocation_id), min(seconds) > 0, count(distinct batch_id) "
        "from lake.tickerlake_audit.fct_model_run where model like 'fct_%' group by model"
    )
    assert {model: rest for model, *rest in kept}["fct_moving_average"] == [2, True, 2]

"""What was known at an instant, rebuilt from raw and read from the table format."""

from dataclasses import replace

import pytest

from pipeline.errors import PipelineError
from tests.lake import MARTS, Lake
from tests.warehouse.test_incremental import minutes

THEN = "2026-03-21 00:00:00"
AS_OF = ("--vars", f"{{as_of: '{THEN}'}}")


def test_a_build_as_of_an_instant_equals_the_build_made_then(lake: Lake) -> None:
    bars = minutes(40)
    lake.land([*bars[:30], b"not json"], "2026-03-20 01")
    lake.run()
    known = {mart: lake.mart(mart) for mart in MARTS}
    snapshot = lake.query("select max(snapshot_id) from ducklake_snapshots('lake')")[0][0]
    later = {"received_at": "2026-03-22T00:00:00Z"}
    lake.land([bar | later for bar in bars[30:]] + [bars[3] | later | {"close": "115"}, b"later"], "2026-03-22 01")
    lake.run()
    records = lake.query("select * from lake.tickerlake_audit.model_watermark order by all")

    replace(lake, options=AS_OF).run("--full-refresh")

    assert {mart: lake.mart(mart, schema="tickerlake_as_of_marts") for mart in MARTS} == known
    assert lake.query("select line from lake.tickerlake_as_of_audit.quarantined_record") == [("not json",)]
    assert lake.query("select * from lake.tickerlake_audit.model_watermark order by all") == records
    assert len(lake.mart("fct_bar")) == 40
    assert lake.query(f"select count(*), min(close) from fct_bar at (version => {snapshot})") == [
        (30, min(row["close"] for row in known["fct_bar"].values()))
    ]


def test_a_build_as_of_an_instant_starts_from_nothing(lake: Lake) -> None:
    lake.land(minutes(3))
    lake.run()
    with pytest.raises(PipelineError, match="add --full-refresh"):
        replace(lake, options=AS_OF).dbt("run")

"""The marts as they were known at an instant, rebuilt beside those of the present."""

from dataclasses import replace

import pytest

from testkit.lake import GOOD, MARTS, Lake, bar
from tickerlake import lake as lakes
from tickerlake.errors import UserError

KNOWN_AT = "2026-03-03 12:00:00"
BARS = [
    bar(minute=f"2026-03-02T15:{i:02d}:00Z", close=str(100 + i % 5), line_number=i, received_at="2026-03-03T00:00:00Z")
    for i in range(30)
]
LATER = [
    BARS[7] | {"close": "140", "high": "140", "received_at": "2026-03-03T13:00:00Z"},
    bar(minute="2026-03-03T15:00:00Z", received_at="2026-03-04T00:00:00Z"),
]


def rows(lake: Lake, schema: str) -> dict[str, list[tuple[object, ...]]]:
    return {m: lake.query(f"select * exclude (batch_id) from lake.{schema}_marts.{m} order by all") for m in MARTS}


@pytest.mark.slow
def test_the_past_is_rebuilt_beside_the_present_without_touching_it(lake: Lake) -> None:
    lake.land([*BARS, b"oops"], "2026-03-03 01")
    lake.run()
    known = rows(lake, "tickerlake")
    lake.land(LATER, "2026-03-04 01")
    lake.run()
    present = rows(lake, "tickerlake")
    assert present != known
    records = "select * from lake.tickerlake_audit.model_watermark order by all"
    before = lake.query(records)
    past = replace(lake, options=("--vars", f"{{as_of: '{KNOWN_AT}'}}"))
    results = past.dbt("build", "--full-refresh", "--exclude-resource-type", "unit_test")
    assert not [r for r in results if r.status not in GOOD]
    assert rows(lake, "tickerlake_as_of") == known
    assert rows(lake, "tickerlake") == present
    assert lake.query(records) == before
    with pytest.raises(UserError, match="add --full-refresh"):
        past.dbt("run")


@pytest.mark.slow
def test_the_table_format_keeps_the_past_as_well(lake: Lake) -> None:
    lake.land(BARS, "2026-03-03 01")
    lake.run()
    known = lake.query("select * exclude (batch_id) from fct_bar order by all")
    snapshot = lake.query("select max(snapshot_id) from ducklake_snapshots('lake')")[0][0]
    lake.land(LATER, "2026-03-04 01")
    lake.run()
    assert lake.query("select * exclude (batch_id) from fct_bar order by all") != known
    with lakes.connect(lake.folder, lakes.CATALOG) as connection:
        then = connection.sql(
            f"select * exclude (batch_id) from lake.tickerlake_marts.fct_bar at (version => {snapshot}) order by all"
        ).fetchall()
    assert then == known

"""Maintenance after publishing deletes what no reader needs and nothing else."""

from datetime import timedelta
from pathlib import Path

import pytest

from pipeline.build import publish_catalogue
from pipeline.maintain import maintain_lake
from testkit.daily import day, land
from testkit.lake import Lake, bar, dbt, public_marts
from tickerlake import lake as lakes
from tickerlake.errors import UserError

AT_ONCE = timedelta(0)


def test_before_the_first_release_nothing_is_touched(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="before maintenance"):
        list(maintain_lake(tmp_path, {}, AT_ONCE))


@pytest.mark.slow
def test_readers_keep_their_files_until_the_next_release(lake: Lake) -> None:
    land(lake, "daily_bars", [day()])  # a release shows every mart, so each must be there
    for minute in range(3):
        lake.land([bar(minute=f"2026-03-02T15:0{minute}:00Z")], name=f"part-{minute}")
        lake.run()
        if minute == 1:
            dbt().run_operation("publish")
            publish_catalogue()
    released, built = _bars(lake, lakes.PUBLISHED), _bars(lake, lakes.CATALOG)
    before = _arrived(lake)
    models = {mart: {"target_mb": 64, "keep_days": 0} for mart in public_marts(views=False)}
    lines = list(maintain_lake(lake.folder, models, AT_ONCE))
    assert any(line.startswith("fct_bar: files 3 -> 1") for line in lines), lines
    # what was released before is still there for its readers, and what is not released yet for the next run
    assert (len(released), len(built)) == (2, 3)
    assert _bars(lake, lakes.PUBLISHED) == released
    assert _bars(lake, lakes.CATALOG) == built
    publish_catalogue()
    for _ in range(2):  # what one run forgets, the next one deletes
        list(maintain_lake(lake.folder, models, AT_ONCE))
    assert _bars(lake, lakes.PUBLISHED) == built
    assert len(_arrived(lake)) == 1 < len(before)
    lake.land([bar(minute="2026-03-02T15:09:00Z")], name="part-9")
    lake.run()
    assert len(_bars(lake, lakes.CATALOG)) == 4


def _bars(lake: Lake, catalog: str) -> list[tuple[object, ...]]:
    with lakes.connect(lake.folder, catalog) as connection:
        return connection.sql("select * from lake.tickerlake_marts.fct_bar order by bar_start_at").fetchall()


def _arrived(lake: Lake) -> list[Path]:
    return list((lake.folder / "warehouse").rglob("int_line__validated*/*.parquet"))

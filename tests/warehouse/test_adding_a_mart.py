"""The guide for a new window mart, followed to the letter."""

import re
from dataclasses import replace
from pathlib import Path

from pipeline.lake import PROJECT
from tests.lake import Lake, assert_equal_marts, project_copy
from tests.warehouse.test_incremental import minutes

GUIDE = (PROJECT / "docs" / "adding-a-window-mart.md").read_text()


def test_the_guide_adds_a_mart_that_is_exact_from_the_first_run(lake: Lake, tmp_path: Path) -> None:
    bars = minutes(60)
    lake.land(bars[:30])
    lake.run()
    project = project_copy(tmp_path / "project")
    for name, block in zip(
        re.findall(r"`(models/\S+)`:", GUIDE), re.findall(r"```\w+\n(.*?)```", GUIDE, re.S), strict=True
    ):
        (project / name).write_text(block)
    ours = replace(lake, project=project)
    ours.run("--select", "fct_price_range")
    assert ours.query("select count(*), count(high_14) from fct_price_range") == [(30, 17)]

    ours.land(bars[31:], "2026-03-03 15")
    ours.run()
    ours.land([bars[30], bars[10] | {"high": "150", "received_at": "2026-03-22T00:00:00Z"}], "2026-03-22 15")
    ours.run()
    rewritten = ours.query("select count(*) from fct_price_range where batch_id = (select max(batch_id) from fct_bar)")
    assert rewritten == [(14 + 14,)], "the corrected and the inserted bar, and the thirteen after each"
    assert_equal_marts(ours, ours.refreshed(), ["fct_price_range"])
    assert ours.query("select max(high_14) from fct_price_range") == [(150.0,)]

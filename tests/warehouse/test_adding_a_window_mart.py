"""The guide's ten lines, put into a copy of the project, are an exact incremental mart."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from testkit.lake import Lake, assert_equal_marts, bar, project_copy
from tickerlake import lake as lakes

FCT_RANGE = {"tickerlake_marts.fct_range": ("symbol", "bar_interval", "source", "bar_start_at")}
GUIDE = lakes.PROJECT / "docs" / "adding-a-window-mart.md"


def example() -> str:
    match = re.search(r"```sql\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    assert match, "the guide has no example"
    return match[1]


@pytest.mark.slow
@pytest.mark.parametrize(("lookback", "is_exact"), [(9, True), (8, False)])
def test_the_mart_of_the_guide_is_exact_and_a_lookback_too_short_fails(
    lake: Lake, tmp_path: Path, lookback: int, is_exact: bool
) -> None:
    project = project_copy(tmp_path / "project")
    text = example()
    # the window stays at 9 bars before the current one; only the lookback that the macros use changes
    assert "window_mart(lookback=9)" in text
    text = text.replace("window_mart(lookback=9)", f"window_mart(lookback={lookback})")
    (project / "models/marts/indicators/fct_range.sql").write_text(text)
    (project / "models/marts/indicators/fct_range.yml").write_text(
        "models: [{name: fct_range, config: {contract: {enforced: false}}}]\n"
    )
    ours = replace(lake, project=project)
    minutes = [f"2026-03-02T15:{i:02d}:00Z" for i in range(40)]
    ours.land([bar(minute=m, high=str(101 + i % 7), line_number=i) for i, m in enumerate(minutes)])
    ours.run("--select", "+fct_range")
    corrected = bar(minute=minutes[20], high="500", received_at="2026-03-04T00:00:00.000Z", line_number=1)
    ours.land([corrected], "2026-03-04 01")
    ours.run("--select", "+fct_range")
    assert ours.query("select count(*) from fct_range where batch_id = (select max(batch_id) from fct_bar)") == [
        (lookback + 1,)
    ]
    full = replace(ours, folder=tmp_path / "full")
    full.folder.mkdir()
    (full.folder / "raw").symlink_to(ours.folder / "raw")
    full.run("--select", "+fct_range")
    if is_exact:
        assert_equal_marts(ours, full, FCT_RANGE)
    else:
        with pytest.raises(AssertionError, match="high_10"):
            assert_equal_marts(ours, full, FCT_RANGE)

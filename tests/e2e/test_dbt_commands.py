"""Each row of docs/dbt-commands.md, on one lake; the commands run in this order and leave it right for the next."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.build import build
from pipeline.dbt import Dbt
from testkit.lake import Lake, bar
from tickerlake import lake as lakes
from tickerlake.errors import UserError

pytestmark = pytest.mark.slow

VARS = ("--vars", "{resample_minutes: []}")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    lake = Lake(tmp_path_factory.mktemp("commands") / "lake")
    lake.land([bar(minute=f"2026-03-02T15:{minute:02}:00Z", line_number=minute) for minute in range(5)])
    assert lake.invoke("build", "--exclude-resource-type", "unit_test").is_success
    return lake


def refuse(lake: Lake, message: str, *arguments: str) -> None:
    before = lake.query("select count(*), max(batch_id) from fct_bar")
    with pytest.raises(UserError, match=message):
        lake.invoke(*arguments)
    assert lake.query("select count(*), max(batch_id) from fct_bar") == before


def succeed(lake: Lake, *arguments: str) -> list[str]:
    result = lake.invoke(*arguments)
    assert result.is_success, [node.message for node in result.nodes if node.status in ("error", "fail")]
    return [node.name for node in result.nodes]


def check_one_machine(lake: Lake) -> None:
    for command in ("build", "run", "seed", "test"):
        refuse(lake, "threads is 4: .* leave out --threads", command, "--threads", "4")


def check_full_refresh_of_one(lake: Lake) -> None:
    assert "fct_price_change" in succeed(lake, "build", "--full-refresh", "-s", "fct_price_change")
    refuse(lake, "use `--select int_line__validated.`", "build", "--full-refresh", "-s", "fct_bar")
    assert "fct_bar" in succeed(lake, "run", "--full-refresh", "-s", "int_line__validated+")
    assert lake.query("select count(*) from fct_bar") == [(5,)]


def check_empty(lake: Lake) -> None:
    refuse(lake, "--empty and --sample would rebuild tables", "build", "--empty")


def check_part_of_the_graph(lake: Lake) -> None:
    lake.land([b"garbage", bar(minute="2026-03-02T15:05:00Z", line_number=9)], name="more")
    result = lake.invoke("build", "-s", "+fct_bar+", "--exclude-resource-type", "unit_test")
    assert [node.name for node in result.nodes if node.status == "fail"] == ["no_missing_line_fct_load_audit_"]
    succeed(lake, "build", "-s", "+fct_bar+", "quarantined_record", "--exclude-resource-type", "unit_test")
    assert lake.query("select count(*) from fct_bar") == [(6,)]


def check_readers(lake: Lake) -> None:
    before = lake.query("select max(record_id) from lake.tickerlake_audit.model_watermark")
    for arguments in (
        ["show", "-s", "fct_bar"],
        ["show", "--inline", "select 1 as one"],
        ["compile", "-s", "fct_bar"],
        ["ls"],
        ["snapshot"],
        ["test", "-s", "fct_bar"],
        ["docs", "generate", "--no-compile", "--empty-catalog"],
    ):
        lake.invoke(*arguments)
    assert lake.query("select max(record_id) from lake.tickerlake_audit.model_watermark") == before


def check_seed(lake: Lake) -> None:
    assert "split" in succeed(lake, "seed")


@pytest.mark.parametrize(
    "check",
    [
        check_one_machine,
        check_full_refresh_of_one,
        check_empty,
        check_part_of_the_graph,
        check_readers,
        check_seed,
    ],
)
def test_each_command_does_what_the_table_says(built: Lake, check: Callable[[Lake], None]) -> None:
    check(built)


def test_a_clone_is_refused(built: Lake, tmp_path: Path) -> None:
    Dbt("local", options=[*VARS, "--target-path", str(tmp_path / "state")]).invoke("ls")
    result = built.invoke("clone", "--full-refresh", "--state", str(tmp_path / "state"), "-s", "fct_bar")
    assert not result.is_success
    assert "dbt clone is not supported" in result.nodes[0].message
    assert built.query("select count(*) from fct_bar") == [(6,)]


def test_state_modified_selects_what_differs(built: Lake, tmp_path: Path) -> None:
    Dbt("local", options=[*VARS, "--target-path", str(tmp_path / "state")]).invoke("ls")
    result = built.invoke("build", "-s", "state:modified+", "--state", str(tmp_path / "state"), "--defer")
    assert result.is_success
    assert [node for node in result.nodes if node.resource_type == "model"] == []


def test_an_empty_build_of_a_new_lake_makes_every_table(lake: Lake) -> None:
    result = lake.invoke("build", "--empty", "--exclude-resource-type", "unit_test", "test")
    assert [node.message for node in result.nodes if node.status == "error"] == []


def test_an_intraday_build_widens_itself_when_it_needs_more(lake: Lake, capsys: pytest.CaptureFixture[str]) -> None:
    """Before the first nightly build its seeds are missing; later, a daily line may wait for a model outside it."""
    dbt = Dbt("local", options=VARS)
    lake.land([bar()])
    assert build(dbt, selector="intraday").problems == []
    assert "selector intraday needs more than it selects (corporate_action_override, " in capsys.readouterr().out
    day = bar(minute="", session_date="2026-03-02", close="101") | {"schema_version": 1}
    for name in ("bar_interval", "bar_start"):
        del day[name]
    folder = lake.land([day], name="day").parents[2]
    moved = folder.parent / "daily_bars" / "dt=2026-03-02" / "hr=15"
    moved.mkdir(parents=True)
    (folder / "dt=2026-03-02" / "hr=15" / "day.ndjson.gz").rename(moved / "day.ndjson.gz")
    assert build(dbt, selector="intraday").problems == []
    assert "(lines that wait for other models): everything is built" in capsys.readouterr().out
    with lakes.connect(lake.folder) as connection:
        assert connection.sql("select count(*) from fct_daily_bar").fetchall() == [(1,)]
    lake.land([bar(minute="2026-03-02T15:01:00Z", line_number=2)], name="next")
    assert build(dbt, selector="intraday").problems == []
    assert "everything is built" not in capsys.readouterr().out

"""Nothing is published unless dbt reports success and every selected model, seed and data test ran well in this run."""

from dataclasses import replace
from pathlib import Path

import pytest

from loader.store import FolderStore
from pipeline import job
from pipeline.build import build
from pipeline.dbt import Dbt
from testkit.lake import Lake, bar, project_copy
from tickerlake import lake as lakes
from tickerlake.errors import UserError

pytestmark = pytest.mark.slow

EPHEMERAL = Path("models/staging/market/stg_market__bar.sql")
VARS = ("--vars", "{resample_minutes: []}")
UNTESTED = """
  - name: nothing
    definition: {method: tag, value: nobody_has_this_tag}
  - name: seeds_only
    definition: {method: file, value: symbol_alias.csv, indirect_selection: empty}
"""


@pytest.fixture
def project(lake: Lake, tmp_path: Path) -> Path:
    """A copy of the project to break; one bar has landed."""
    folder = project_copy(tmp_path / "project")
    (folder / "selectors.yml").write_text((lakes.PROJECT / "selectors.yml").read_text() + UNTESTED)
    replace(lake, project=folder).land([bar()])
    return folder


def published(lake: Lake) -> int:
    with lakes.connect(lake.folder) as connection:
        return len(connection.sql("select symbol from fct_bar").fetchall())


def break_ephemeral(project: Path) -> None:
    file = project / EPHEMERAL
    file.write_text(
        file.read_text() + "\n{% if execute %}{{ exceptions.raise_compiler_error('wrong macro') }}{% endif %}"
    )


def add_hook(project: Path, hook: str) -> None:
    file = project / "dbt_project.yml"
    text = file.read_text()
    assert '"{{ end_run(results) }}"' in text
    file.write_text(text.replace('"{{ end_run(results) }}"', f'"{{{{ end_run(results) }}}}", "{hook}"'))


@pytest.mark.parametrize("full_refresh", [False, True])
def test_an_ephemeral_model_that_does_not_compile_prevents_publishing(
    lake: Lake, project: Path, full_refresh: bool
) -> None:
    assert build(Dbt("local", project, VARS)).is_published
    break_ephemeral(project)
    lake.land([bar(minute="2026-03-02T15:01:00Z", line_number=2)], name="more")
    report = build(Dbt("local", project, VARS), full_refresh=full_refresh)
    reason, missing = report.problems
    assert "wrong macro" in reason
    assert "selected nodes did not run: " in missing
    assert int(missing.split()[0]) > 100
    assert published(lake) == 1


def test_the_scheduled_job_publishes_nothing_when_nodes_did_not_run(lake: Lake, project: Path) -> None:
    break_ephemeral(project)
    scheduled = job.ScheduledJob(FolderStore(lake.folder), "nightly")
    report = job.run(Dbt("local", project, VARS), scheduled, should_maintain=True)
    assert not report.is_published
    assert [(step.name, step.status) for step in scheduled.steps] == [("plan", "done"), ("build", "failed")]
    assert "did not run" in scheduled.steps[-1].problem
    assert not (lake.folder / lakes.PUBLISHED).exists()


def test_a_hook_that_fails_at_the_end_prevents_publishing(lake: Lake, project: Path) -> None:
    add_hook(project, "select * from no_such_table")
    report = build(Dbt("local", project, VARS))
    assert [problem.split(":")[0] for problem in report.problems] == ["operation tickerlake-on-run-end-1"]
    assert not (lake.folder / lakes.PUBLISHED).exists()


def test_a_hook_that_raises_at_the_end_prevents_publishing(lake: Lake, project: Path) -> None:
    add_hook(project, "{{ exceptions.raise_compiler_error(project_name ~ ' hook raised') if execute }}")
    with pytest.raises(UserError, match="hook raised"):
        build(Dbt("local", project, VARS))
    assert not (lake.folder / lakes.PUBLISHED).exists()


def test_what_fail_fast_leaves_out_is_counted(lake: Lake, project: Path) -> None:
    (project / "tests" / "warehouse" / "no_seed_is_good.sql").write_text(
        "select 1 as one from {{ ref('symbol_alias') }} union all select 1"
    )
    report = build(Dbt("local", project, (*VARS, "--fail-fast")))
    assert report.problems[0].startswith("test no_seed_is_good: ")
    assert "selected nodes did not run: " in report.problems[-1]
    assert not (lake.folder / lakes.PUBLISHED).exists()


@pytest.mark.parametrize(
    ("selector", "message"),
    [
        ("nothing", "nothing to build: selector 'nothing' selects no model, seed or test"),
        ("seeds_only", "nothing to test: selector 'seeds_only' selects no data test"),
        ("no_such_selector", "no_such_selector"),
    ],
)
def test_a_selector_that_tests_nothing_publishes_nothing(
    lake: Lake, project: Path, selector: str, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        build(Dbt("local", project, VARS), selector=selector)
    assert not (lake.folder / lakes.PUBLISHED).exists()
    assert not (lake.folder / lakes.CATALOG).exists(), "it is refused before anything is built"


def test_an_environment_that_narrows_what_dbt_runs_publishes_nothing(
    lake: Lake, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DBT_RESOURCE_TYPES", "model seed")
    report = build(Dbt("local", project, VARS))
    (missing,) = report.problems
    assert "selected nodes did not run: " in missing
    assert not (lake.folder / lakes.PUBLISHED).exists()


def test_a_complete_run_of_a_selector_is_published(lake: Lake, project: Path) -> None:
    dbt = Dbt("local", project, VARS)
    assert build(dbt).is_published
    assert build(dbt, selector="intraday").is_published


def test_what_a_failed_run_has_built_is_not_published_by_a_selector_that_does_not_test_it(
    lake: Lake, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dbt = Dbt("local", project, VARS)
    assert build(dbt).is_published
    failing = project / "tests" / "warehouse" / "no_bar_is_good.sql"
    failing.write_text(
        "select symbol from {{ ref('fct_daily_bar') }} union all select symbol from {{ ref('fct_bar') }}"
    )
    lake.land([bar(minute="2026-03-02T15:01:00Z", line_number=2)], name="more")
    assert not build(Dbt("local", project, VARS)).is_published
    assert not build(Dbt("local", project, VARS), selector="intraday").is_published
    assert "fct_daily_bar" in capsys.readouterr().out
    assert published(lake) == 1
    failing.unlink()
    assert build(Dbt("local", project, VARS), selector="intraday").is_published
    assert published(lake) == 2

"""`pipeline plan` shows what a build would do and changes nothing; a build without news does nothing."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.__main__ import main
from pipeline.landed import SAMPLE_LINES, list_bucket, list_folder, summarize
from pipeline.last_build import compute_fingerprint, is_unchanged, read_record, write_record
from testkit.lake import Lake, bar, project_copy
from tickerlake import lake as lakes
from tickerlake.raw_zone import arrival_hour


def files(folder: Path) -> dict[str, str]:
    """Return every file of a lake with its content's hash and time."""
    return {
        str(file): f"{file.stat().st_mtime_ns} {hashlib.sha256(file.read_bytes()).hexdigest()}"
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def pipeline(lake: Lake, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own, as a user does."""
    return subprocess.run(
        [sys.executable, "-m", "pipeline", *arguments],
        cwd=lakes.PROJECT,
        env=lake.environment() | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def plan(lake: Lake, *arguments: str) -> dict[str, Any]:
    before = files(lake.folder)
    done = pipeline(lake, "plan", "--json", *arguments)
    assert done.returncode == 0, done.stderr
    assert files(lake.folder) == before, "a plan writes nothing"
    content: dict[str, Any] = json.loads(done.stdout)
    return content


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Lake, str, dict[str, Any]]]:
    """A lake with one object, built once; with the output of its build, and the plan before it."""
    lake = Lake(tmp_path_factory.mktemp("plan") / "lake")
    lake.land([bar(minute=f"2026-03-02T15:{minute:02}:00Z", line_number=minute) for minute in range(30)])
    first = plan(lake)
    done = pipeline(lake, "build")
    assert done.returncode == 0, done.stdout + done.stderr
    yield lake, done.stdout, first


@pytest.mark.slow
def test_the_plan_is_that_of_the_build_after_it(built: tuple[Lake, str, dict[str, Any]]) -> None:
    _, output, first = built
    assert first["line"] in output.splitlines()
    assert "13 full (first build)" in first["line"]
    assert "landed since:" in output
    models = {model["model"]: model for model in first["models"]}
    assert (models["fct_bar"]["rows_at_most"], models["fct_bar"]["partitions"]) == (30, 1)
    assert (models["fct_bar"]["full_because"], models["fct_bar"]["reads_from"]) == ("first build", "the beginning")
    assert models["fct_daily_bar"]["rows_at_most"] == 0


@pytest.mark.slow
def test_a_build_without_news_does_nothing_and_one_with_news_says_what_landed(
    built: tuple[Lake, str, dict[str, Any]], tmp_path: Path
) -> None:
    lake = Lake(Path(shutil.copytree(built[0].folder, tmp_path / "lake", copy_function=shutil.copy2)))
    before = files(lake.folder)
    done = pipeline(lake, "build")
    assert (done.returncode, done.stdout[:17]) == (0, "nothing to build:"), done.stdout + done.stderr
    assert files(lake.folder) == before
    late = lake.land([bar("NVDA", "2026-02-27T15:00:00Z"), b"garbage"], hour="2026-03-02 14", name="late")
    after = plan(lake)
    (landed,) = after["landed"]
    assert (landed["objects"], landed["lines"], landed["bytes"]) == (1, 2, late.stat().st_size)
    assert (landed["symbols"], landed["dates"], landed["first_hour"]) == (["NVDA"], ["2026-02-27"], "2026-03-02 14")
    models = {model["model"]: model for model in after["models"]}
    assert models["fct_bar"]["reads_from"] == "arrivals of 2026-03-01 13"
    assert models["fct_moving_average"]["rows_at_most"] == 2 + 20
    assert models["fct_price_change"]["full_because"] is None
    assert "0 full" in after["line"]
    dry = pipeline(lake, "build", "--dry-run", "--selector", "intraday").stdout
    assert "fct_price_change" in dry
    assert "fct_daily_indicator" not in dry


@pytest.mark.slow
def test_what_cannot_be_built_cannot_be_planned(lake: Lake, capsys: pytest.CaptureFixture[str]) -> None:
    lake.land([bar()])
    for arguments, message in (
        (["--select", "no_such_model"], "nothing to plan"),
        (["--select", "x", "--selector", "intraday"], "exclude each other"),
    ):
        assert main(["--lake", str(lake.folder), "plan", *arguments]) == 2
        assert message in capsys.readouterr().err
    assert not (lake.folder / lakes.CATALOG).exists()


def test_a_build_without_news_does_not_import_dbt() -> None:
    check = "import sys, pipeline.__main__; print([name for name in ('dbt', 'duckdb', 'boto3') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", check], cwd=lakes.PROJECT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.fixture
def recorded(lake: Lake, tmp_path: Path) -> tuple[Lake, Path]:
    """A lake with a record of its last build, and the project that built it; nothing was really built."""
    project = project_copy(tmp_path / "project")
    shutil.copy(lakes.PROJECT / "selectors.yml", project)
    lake.land([bar()])
    (lake.folder / "warehouse").mkdir()
    (lake.folder / "warehouse" / "x.parquet").write_bytes(b"rows")
    (lake.folder / lakes.CATALOG).write_bytes(b"catalogue")
    (lake.folder / lakes.PUBLISHED).write_bytes(b"catalogue")
    write_record(lake.folder, list_folder(lake.folder / "raw"), compute_fingerprint(None, project), "")
    return lake, project


def unchanged(recorded: tuple[Lake, Path], target: str | None = None, selector: str = "") -> bool:
    lake, project = recorded
    return is_unchanged(lake.folder, list_folder(lake.folder / "raw"), compute_fingerprint(target, project), selector)


def append(file: Path, text: str = "\n") -> None:
    file.write_text(file.read_text() + text)


CHANGES: dict[str, Any] = {
    "a late object": lambda lake, project: lake.land([bar("NVDA")], hour="2026-01-02 15"),
    "an object of another dataset": lambda lake, project: shutil.copytree(
        lake.folder / "raw" / "bars", lake.folder / "raw" / "daily_bars"
    ),
    "the same name rewritten": lambda lake, project: lake.land([bar("NVDA")]),
    "an object that is gone": lambda lake, project: lake.land([bar()]).unlink(),
    "a stray file": lambda lake, project: (lake.folder / "raw" / "bars" / "notes.txt").write_text("x"),
    "a seed": lambda lake, project: append(project / "seeds" / "split.csv", "TSLA,2026-03-02,2,1\n"),
    "a var": lambda lake, project: append(project / "dbt_project.yml", "  # anomaly_pct: 4\n"),
    "a model": lambda lake, project: append(project / "models" / "marts" / "prices" / "fct_bar.sql"),
    "a macro": lambda lake, project: append(project / "macros" / "quote_text.sql"),
    "a test": lambda lake, project: append(project / "tests" / "warehouse" / "fct_bar_holds_no_alias.sql"),
    "the profile": lambda lake, project: append(project / "profiles.yml"),
    "the environment": lambda lake, project: os.environ.update(TICKERLAKE_PUBLISHED_SCHEMA="mine"),
    "a new model": lambda lake, project: (project / "models" / "new.sql").write_text("select 1 as one"),
    "a killed run": lambda lake, project: (lake.folder / f"{lakes.CATALOG}.wal").write_bytes(b"x"),
    "a run by hand": lambda lake, project: append(lake.folder / lakes.CATALOG, "more"),
    "a lost release": lambda lake, project: (lake.folder / lakes.PUBLISHED).unlink(),
    "a lost table file": lambda lake, project: (lake.folder / "warehouse" / "x.parquet").unlink(),
    "a damaged record": lambda lake, project: (lake.folder / "state" / "last_build.json").write_text("{"),
    "a lost record": lambda lake, project: (lake.folder / "state" / "last_build.json").unlink(),
}


@pytest.mark.parametrize("change", CHANGES)
def test_any_change_is_a_reason_to_build(
    recorded: tuple[Lake, Path], change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TICKERLAKE_PUBLISHED_SCHEMA", "")
    write_record(
        recorded[0].folder, list_folder(recorded[0].folder / "raw"), compute_fingerprint(None, recorded[1]), ""
    )
    assert unchanged(recorded)
    CHANGES[change](*recorded)
    assert not unchanged(recorded)


def test_another_target_or_a_narrower_build_is_a_reason_to_build(recorded: tuple[Lake, Path]) -> None:
    lake, project = recorded
    assert not unchanged(recorded, target="aws")
    assert unchanged(recorded, selector="intraday")
    write_record(lake.folder, list_folder(lake.folder / "raw"), compute_fingerprint(None, project), "intraday")
    assert unchanged(recorded, selector="intraday")
    assert not unchanged(recorded)
    assert read_record(lake.folder)["selector"] == "intraday"


def test_many_lines_are_estimated_from_bytes_and_an_unreadable_object_is_counted(lake: Lake) -> None:
    lines = [bar(minute=f"2026-03-02T15:{number % 60:02}:00Z", line_number=number) for number in range(SAMPLE_LINES)]
    for name in ("a", "b", "c"):
        lake.land(lines, name=name)
    lake.land([bar()], name="d").write_bytes(b"no gzip")
    raw = lake.folder / "raw"
    (landed,) = summarize(list_folder(raw), lambda key: (raw / key).open("rb"))
    assert landed.is_estimate
    assert abs(landed.lines - 3 * SAMPLE_LINES) < 0.01 * 3 * SAMPLE_LINES
    assert (landed.objects, landed.unreadable, landed.symbols) == (4, 1, {"TSLA"})


def test_a_bucket_is_listed_from_a_date_on() -> None:
    class Client:
        def get_paginator(self, _: str) -> Any:
            return self

        def paginate(self, **options: str) -> list[dict[str, Any]]:
            keys = ["raw/bars/dt=2026-03-01/hr=15/a.ndjson.gz", "raw/bars/dt=2026-03-02/hr=00/b.ndjson.gz"]
            listed = [key for key in keys if key.startswith(options["Prefix"]) and key > options.get("StartAfter", "")]
            return [{"Contents": [{"Key": key, "Size": 5, "ETag": "e"} for key in listed]}]

    client: Any = Client()
    datasets = ["bars", "daily_bars"]
    assert len(list_bucket(client, "raw", datasets, "")) == 2
    assert list_bucket(client, "raw", datasets, "2026-03-02") == {"bars/dt=2026-03-02/hr=00/b.ndjson.gz": [5, "e"]}
    assert arrival_hour("bars/dt=2026-03-02/hr=00/b.ndjson.gz") == "2026-03-02 00"
    assert arrival_hour("bars/dt=foo/hr=00/b.ndjson.gz") == ""

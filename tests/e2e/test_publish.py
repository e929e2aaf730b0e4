"""Only tested data is published, and readers keep reading while a build runs."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.__main__ import main
from pipeline.build import build
from pipeline.dbt import Dbt
from testkit.lake import Lake, bar, project_copy
from tickerlake import lake as lakes

READER = """
import sys, time
from pathlib import Path
from tickerlake import lake
connection = lake.connect(Path(sys.argv[1]))
print(connection.sql("select count(*) from fct_bar").fetchone()[0], flush=True)
while not sys.stdin.readline().startswith("stop"):
    print(connection.sql("select count(*) from fct_bar").fetchone()[0], flush=True)
"""


def published_bars(lake: Lake) -> int:
    with lakes.connect(lake.folder) as connection:
        return len(connection.sql("select symbol from fct_bar").fetchall())


@pytest.mark.slow
def test_a_reader_in_another_process_reads_on_while_a_build_runs(lake: Lake) -> None:
    dbt = Dbt("local", options=["--vars", "{resample_minutes: []}"])
    lake.land([bar()])
    assert build(dbt).is_published
    reader = subprocess.Popen(
        [sys.executable, "-c", READER, str(lake.folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=lakes.PROJECT,
        env=lake.environment(),
    )
    assert reader.stdin
    assert reader.stdout
    assert reader.stdout.readline() == "1\n"
    lake.land([bar(minute="2026-03-02T15:01:00Z", line_number=2)], name="more")
    assert build(dbt).is_published
    reader.stdin.write("again\n")
    reader.stdin.flush()
    assert reader.stdout.readline() == "1\n", "an open reader keeps the release it opened"
    reader.stdin.write("stop\n")
    reader.stdin.flush()
    assert reader.wait(20) == 0
    assert published_bars(lake) == 2


@pytest.mark.slow
def test_a_failing_test_keeps_its_rows_and_leaves_readers_where_they_were(
    lake: Lake, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = project_copy(tmp_path / "project")
    ours = replace(lake, project=project)
    ours.land([bar()])
    assert build(Dbt("local", project, options=["--vars", "{resample_minutes: []}"])).is_published
    failing = project / "tests" / "warehouse" / "prices_stay_below_200.sql"
    failing.write_text("select * from {{ ref('fct_bar') }} where close > 200")
    ours.land([bar(minute="2026-03-02T15:01:00Z", close="300", line_number=2)], name="more")
    report = build(Dbt("local", project, options=["--vars", "{resample_minutes: []}"]))
    assert [problem.split(":")[0] for problem in report.problems[:2]] == [
        "test prices_stay_below_200",
        "rows of prices_stay_below_200",
    ]
    (unbuilt,) = report.problems[2:]  # what reads fct_bar
    assert "selected nodes did not run: " in unbuilt
    assert main(["--lake", str(lake.folder), "sql", "--working", report.problems[1].split(": ")[1]]) == 0
    assert "TSLA" in capsys.readouterr().out
    assert published_bars(lake) == 1
    failing.unlink()
    assert build(Dbt("local", project, options=["--vars", "{resample_minutes: []}"])).is_published
    assert published_bars(lake) == 2


@pytest.mark.slow
def test_published_views_show_primary_series_only(lake: Lake) -> None:
    lake.land([bar(), bar(source="yahoo", price_basis="split_adjusted", close="101", line_number=2)])
    assert build(Dbt("local", options=["--vars", "{resample_minutes: []}"])).is_published
    with lakes.connect(lake.folder) as connection:
        assert connection.sql("select source from fct_bar").fetchall() == [("yahoo",)]
        listed = "select source, is_primary from dim_series where bar_interval = '1min' order by 1"
        assert connection.sql(listed).fetchall() == [
            ("simulated", False),
            ("yahoo", True),
        ]


@pytest.mark.slow
def test_a_second_run_at_the_same_time_refuses(lake: Lake, capfd: pytest.CaptureFixture[str]) -> None:
    lake.land([bar()])
    lake.run()
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(lake.folder), str(lakes.extensions())],
        stdout=subprocess.PIPE,
        stdin=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout
    assert holder.stdout.readline() == "held\n"
    second = subprocess.run(
        [sys.executable, "-m", "pipeline", "build"],
        capture_output=True,
        text=True,
        cwd=lakes.PROJECT,
        env=lake.environment(),
        check=False,
    )
    holder.communicate("done\n")
    assert second.returncode == 2
    expected = f"error: the lake's catalogue is in use by process {holder.pid}: wait for that run to end"
    assert second.stderr.startswith(expected), second.stderr
    assert len(second.stderr.splitlines()) == 1


HOLDER = """
import sys, duckdb
connection = duckdb.connect(config={"extension_directory": sys.argv[2]})
connection.execute("load ducklake")
lake = sys.argv[1]
options = f"(data_path '{lake}/warehouse/', override_data_path true)"
connection.execute(f"attach 'ducklake:{lake}/catalog.ducklake' as lake {options}")
print("held", flush=True)
sys.stdin.readline()
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "environment", "expected"),
    [
        (["build"], {}, "nothing has landed in"),
        (["sql", "select 1"], {}, "nothing is published in"),
        (
            ["build"],
            {"DBT_PROFILES_DIR": "/nonexistent"},
            "no profiles.yml in '/nonexistent': copy profiles.yml.example",
        ),
        (["build"], {"TICKERLAKE_LAKE": "/proc/lake"}, "cannot write lake '/proc/lake'"),
    ],
)
def test_bad_input_is_one_clear_line(
    lake: Lake, arguments: list[str], environment: dict[str, str], expected: str
) -> None:
    if "DBT_PROFILES_DIR" in environment:
        lake.land([bar()])
    answer = subprocess.run(
        [sys.executable, "-m", "pipeline", *arguments],
        capture_output=True,
        text=True,
        cwd=lakes.PROJECT,
        env=lake.environment() | environment,
        check=False,
    )
    assert answer.returncode == 2
    assert answer.stderr.startswith(f"error: {expected}"), answer.stderr
    assert len(answer.stderr.splitlines()) == 1


@pytest.mark.slow
def test_the_demo_shows_its_tables_and_can_be_repeated(lake: Lake, capsys: pytest.CaptureFixture[str]) -> None:
    from pipeline.__main__ import main

    for _ in range(2):
        assert main(["--lake", str(lake.folder), "demo"]) == 0
        printed = capsys.readouterr().out
        for expected in ("31,990", "Strongest volume spikes", "Refused lines", "not_json"):
            assert expected in printed

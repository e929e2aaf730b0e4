"""The scheduled transformation: the order of its steps, what a failure prevents, and the content of its record."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from loader.store import FolderStore
from pipeline import job
from pipeline.__main__ import main
from pipeline.dbt import CommandResult, NodeResult
from tickerlake.errors import UserError
from tickerlake.lake import PROJECT

STEPS = ["plan", "build", "publish", "describe", "maintain", "measure"]
COMMANDS = {
    "plan": "compute_merge_floor",
    "build": "build",
    "publish": "publish",
    "describe": "nodes",
    "maintain": "maintain",
    "measure": "quarantined_share",
}


class FakeDbt:
    """dbt on Athena that does nothing, and fails at one step."""

    project = PROJECT

    def __init__(
        self, failing: str = "", test_status: str = "pass", *, is_success: bool = True, required: tuple[str, ...] = ()
    ) -> None:
        self.commands: list[str] = []
        self._failing, self._test_status = failing, test_status
        self._is_success, self._required = is_success, ["test.tickerlake.a_test", *required]

    def _record(self, command: str) -> None:
        self.commands.append(command)
        if COMMANDS.get(self._failing) == command:
            raise UserError(f"{command} broke")

    def adapter(self) -> str:
        return "athena"

    def discard_manifest(self) -> None:
        pass

    def list_required(self, *_: str) -> list[str]:
        return self._required

    def invoke(self, command: str, *_: str) -> CommandResult:
        self._record(command)
        node = NodeResult("test.tickerlake.a_test", "a_test", "test", self._test_status, 1.0, "", "", "")
        return CommandResult(self._is_success, [node], [])

    def run_operation(self, macro: str) -> None:
        self._record(macro)

    def nodes(self) -> dict[str, Any]:
        self._record("nodes")
        return {}

    def variable(self, _: str) -> str:
        return "published"

    def read_lines(self, macro: str) -> list[str]:
        self._record(macro)
        return ["fct_bar: files 9 -> 1"]

    def read_value(self, macro: str, name: str, args: str = "{}") -> str:
        self._record(macro)
        return "2.5" if name == "quarantined_pct" else ""


def record(folder: Path) -> dict[str, Any]:
    (file,) = (folder / job.FOLDER).glob("*.json")
    content: dict[str, Any] = json.loads(file.read_text())
    return content


METRICS: list[str] = []


class FakeCloudWatch:
    """A client that keeps the names of the metrics it receives."""

    def put_metric_data(self, MetricData: list[dict[str, Any]], **_: str) -> None:  # noqa: N803
        METRICS[:] = [metric["MetricName"] for metric in MetricData]


def run(dbt: Any, folder: Path, copy: Callable[[], list[str]] | None = None) -> Any:
    METRICS.clear()
    scheduled = job.ScheduledJob(FolderStore(folder), "nightly")
    return job.run(dbt, scheduled, should_maintain=True, make_client=lambda _: FakeCloudWatch(), copy=copy)


def test_the_steps_run_in_order_and_are_recorded(tmp_path: Path) -> None:
    dbt = FakeDbt()
    assert run(dbt, tmp_path).is_published
    assert dbt.commands == [COMMANDS[step] for step in STEPS]
    content = record(tmp_path)
    assert [(step["name"], step["status"]) for step in content["steps"]] == [(step, "done") for step in STEPS]
    assert (content["status"], content["selector"], content["measured"]["quarantined_pct"]) == ("done", "nightly", 2.5)
    assert sorted(METRICS) == ["job_seconds", "quarantined_pct"]


@pytest.mark.parametrize("failing", STEPS)
def test_nothing_follows_a_step_that_failed_and_the_record_names_it(tmp_path: Path, failing: str) -> None:
    dbt, before = FakeDbt(failing), STEPS[: STEPS.index(failing)]
    with pytest.raises(UserError, match="broke"):
        run(dbt, tmp_path)
    assert dbt.commands == [COMMANDS[step] for step in [*before, failing]]
    content = record(tmp_path)
    assert content["status"] == "failed"
    assert [step["status"] for step in content["steps"]] == ["done"] * len(before) + ["failed"]
    assert content["steps"][-1]["name"] == failing
    assert "broke" in content["steps"][-1]["problem"]


def test_the_copy_runs_last_so_that_its_failure_prevents_nothing(tmp_path: Path) -> None:
    def fail() -> list[str]:
        raise UserError("PostgreSQL cannot be reached")

    with pytest.raises(UserError, match="cannot be reached"):
        run(FakeDbt(), tmp_path, fail)
    content = record(tmp_path)
    assert [(step["name"], step["status"]) for step in content["steps"]] == [
        *((step, "done") for step in STEPS),
        ("copy", "failed"),
    ]
    assert METRICS


def test_a_job_with_a_copy_and_no_database_url_does_not_start(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    assert main(["--lake", str(tmp_path), "job", "--copy"]) == 2
    assert "DATABASE_URL is not set" in capsys.readouterr().err
    assert not (tmp_path / job.FOLDER).exists()


def test_a_failing_test_prevents_publishing(tmp_path: Path) -> None:
    dbt = FakeDbt(test_status="fail")
    assert not run(dbt, tmp_path).is_published
    assert dbt.commands == ["compute_merge_floor", "build", "test"]
    assert record(tmp_path)["status"] == "failed"
    assert "a_test" in record(tmp_path)["steps"][-1]["problem"]


@pytest.mark.parametrize(
    ("dbt", "problem"),
    [
        (FakeDbt(is_success=False), "dbt reports a failure"),
        (FakeDbt(required=("model.tickerlake.fct_bar",)), "1 of 2 selected nodes did not run: fct_bar"),
        (FakeDbt(test_status="skipped"), "1 of 1 selected nodes did not run: a_test"),
        (FakeDbt(test_status="no-op"), "1 of 1 selected nodes did not run: a_test"),
        (FakeDbt(test_status="partial success"), "test a_test"),
    ],
    ids=["no-success", "absent", "skipped", "no-op", "partial"],
)
def test_what_did_not_run_prevents_publishing(tmp_path: Path, dbt: FakeDbt, problem: str) -> None:
    report = run(dbt, tmp_path)
    assert [text.startswith(problem) for text in report.problems] == [True], report.problems
    assert dbt.commands == ["compute_merge_floor", "build"]
    content = record(tmp_path)
    assert (content["status"], content["steps"][-1]["name"]) == ("failed", "build")


def test_a_killed_step_stays_running_in_the_record(tmp_path: Path) -> None:
    killed = job.ScheduledJob(FolderStore(tmp_path), "intraday")
    killed.start_step("plan")
    killed.start_step("build")
    content = record(tmp_path)
    assert content["status"] == "running"
    assert [step["status"] for step in content["steps"]] == ["done", "running"]

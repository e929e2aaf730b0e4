"""The scheduled transformation: its order, what a failure keeps from happening, and what its record says."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from loader.store import FolderStore
from pipeline import job
from pipeline.__main__ import main
from pipeline.dbt import NodeResult
from tickerlake.errors import UserError

STEPS = ["plan", "build", "publish", "describe", "maintain", "measure"]
ASKED = {
    "plan": "plan_merge",
    "build": "build",
    "publish": "publish",
    "describe": "nodes",
    "maintain": "maintain",
    "measure": "quarantined_share",
}


class Played:
    """dbt on Athena that does nothing, and fails at one step."""

    def __init__(self, failing: str = "", test_status: str = "pass") -> None:
        self.asked: list[str] = []
        self._failing, self._test_status = failing, test_status

    def _ask(self, what: str) -> None:
        self.asked.append(what)
        if ASKED.get(self._failing) == what:
            raise UserError(f"{what} broke")

    def adapter(self) -> str:
        return "athena"

    def parse_again(self) -> None:
        pass

    def invoke(self, command: str, *_: str) -> list[NodeResult]:
        self._ask(command)
        return [NodeResult("a_test", "test", self._test_status, 1.0, "", "", "")]

    def run_operation(self, macro: str) -> None:
        self._ask(macro)

    def nodes(self) -> dict[str, Any]:
        self._ask("nodes")
        return {}

    def variable(self, _: str) -> str:
        return "published"

    def printed(self, macro: str) -> list[str]:
        self._ask(macro)
        return ["fct_bar: files 9 -> 1"]

    def answer(self, macro: str, args: str = "{}") -> str:
        self._ask(macro)
        return "quarantined_pct=2.5" if macro == "quarantined_share" else "merge_from="


def record(folder: Path) -> dict[str, Any]:
    (found,) = (folder / job.FOLDER).glob("*.json")
    read: dict[str, Any] = json.loads(found.read_text())
    return read


METRICS: list[str] = []


class Aws:
    """A client that takes metrics."""

    def put_metric_data(self, MetricData: list[dict[str, Any]], **_: str) -> None:  # noqa: N803
        METRICS[:] = [one["MetricName"] for one in MetricData]


def run(dbt: Any, folder: Path, copies: Callable[[], list[str]] | None = None) -> Any:
    METRICS.clear()
    record = job.Job(FolderStore(folder), "nightly")
    return job.run(dbt, record, maintains=True, client=lambda _: Aws(), copies=copies)


def test_the_steps_run_in_order_and_are_recorded(tmp_path: Path) -> None:
    dbt = Played()
    assert run(dbt, tmp_path).is_published
    assert dbt.asked == [ASKED[step] for step in STEPS]
    found = record(tmp_path)
    assert [(step["name"], step["status"]) for step in found["steps"]] == [(step, "done") for step in STEPS]
    assert (found["status"], found["selector"], found["measured"]["quarantined_pct"]) == ("done", "nightly", 2.5)
    assert sorted(METRICS) == ["job_seconds", "quarantined_pct"]


@pytest.mark.parametrize("failing", STEPS)
def test_nothing_follows_a_step_that_failed_and_the_record_names_it(tmp_path: Path, failing: str) -> None:
    dbt, before = Played(failing), STEPS[: STEPS.index(failing)]
    with pytest.raises(UserError, match="broke"):
        run(dbt, tmp_path)
    assert dbt.asked == [ASKED[step] for step in [*before, failing]]
    found = record(tmp_path)
    assert found["status"] == "failed"
    assert [step["status"] for step in found["steps"]] == ["done"] * len(before) + ["failed"]
    assert found["steps"][-1]["name"] == failing
    assert "broke" in found["steps"][-1]["problem"]


def test_a_copy_that_fails_comes_after_all_else(tmp_path: Path) -> None:
    def fails() -> list[str]:
        raise UserError("PostgreSQL cannot be reached")

    with pytest.raises(UserError, match="cannot be reached"):
        run(Played(), tmp_path, fails)
    found = record(tmp_path)
    assert [(step["name"], step["status"]) for step in found["steps"]] == [
        *((step, "done") for step in STEPS),
        ("copy", "failed"),
    ]
    assert METRICS


def test_a_job_with_a_copy_and_no_address_does_not_begin(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    assert main(["--lake", str(tmp_path), "job", "--copy"]) == 2
    assert "DATABASE_URL is not set" in capsys.readouterr().err
    assert not (tmp_path / job.FOLDER).exists()


def test_a_failing_test_keeps_the_gate_shut(tmp_path: Path) -> None:
    dbt = Played(test_status="fail")
    assert not run(dbt, tmp_path).is_published
    assert dbt.asked == ["plan_merge", "build", "test"]
    assert record(tmp_path)["status"] == "failed"
    assert "a_test" in record(tmp_path)["steps"][-1]["problem"]


def test_a_killed_step_is_seen_as_running(tmp_path: Path) -> None:
    killed = job.Job(FolderStore(tmp_path), "intraday")
    killed.enter("plan")
    killed.enter("build")
    found = record(tmp_path)
    assert found["status"] == "running"
    assert [step["status"] for step in found["steps"]] == ["done", "running"]

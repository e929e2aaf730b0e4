"""The scheduled transformation: plan, build and test, publish, maintain, copy; each step only after the one before.

Its record, one JSON object per run below `state/transformation/`, holds the start, duration and status of each step; a
step that was killed keeps the status `running`.
"""

import os
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from json import dumps
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from loader.record import utc_text
from loader.store import StateStore
from pipeline.build import BuildReport, build
from pipeline.dbt import Dbt
from pipeline.describe import describe
from pipeline.maintain import maintain
from tickerlake.errors import UserError

FOLDER = "state/transformation/"
METRICS = ("quarantined_pct", "job_seconds")
"""The measures that go to CloudWatch, where each metric costs by the month."""
_QUARANTINE_DAYS = 2
"""Days of arrivals that quarantined_pct covers: a first bad day shows, an old one does not."""


@dataclass
class Step:
    """One step: plan, build (tests included), publish, describe, maintain, measure or copy; running, done or failed."""

    name: str
    started_at: str
    status: str = "running"
    seconds: float = 0.0
    problem: str = ""


@dataclass
class ScheduledJob:
    """A run of the steps; its record is written at every change."""

    store: StateStore
    selector: str
    log: Callable[[str], object] = print
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    status: str = "running"
    steps: list[Step] = field(default_factory=list)
    measured: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Name the run after its start."""
        self.started_at = utc_text(self.now())
        self._step_started = time.monotonic()

    @property
    def key(self) -> str:
        """The key of the record in the store."""
        return f"{FOLDER}{self.started_at.replace(':', '')}-{os.getpid()}.json"

    def start_step(self, name: str) -> None:
        """End the current step, and begin the next."""
        self._end("done")
        self._step_started = time.monotonic()
        self.steps.append(Step(name, utc_text(self.now())))
        self._write()

    def _end(self, status: str, problem: str = "") -> None:
        if self.steps and self.steps[-1].status == "running":
            step = self.steps[-1]
            step.status, step.problem = status, problem
            step.seconds = round(time.monotonic() - self._step_started, 1)
            self.log(f"{step.name}: {status} in {step.seconds} s")

    def finish(self, problem: str = "") -> None:
        """End the run: done, or failed in the current step."""
        self.status = "failed" if problem else "done"
        self._end(self.status, problem)
        self._write()

    def _write(self) -> None:
        record: dict[str, Any] = {"started_at": self.started_at, "selector": self.selector, "status": self.status}
        record |= {"steps": [asdict(step) for step in self.steps], "measured": self.measured}
        self.store.write(self.key, dumps(record, indent=1).encode())


def run(
    dbt: Dbt,
    job: ScheduledJob,
    *,
    should_maintain: bool,
    make_client: Callable[[str], Any] | None = None,
    copy: Callable[[], Iterable[str]] | None = None,
) -> BuildReport:
    """Run the steps and return the build's report, whose problems are the reason when nothing was published.

    `make_client` makes clients of AWS, for what only a deployment has: descriptions and metrics. `copy` brings the
    PostgreSQL copy to the release and returns what changed; it runs last, so that its failure prevents nothing else.
    No step runs after one that failed.

    Raises UserError as `build` and `maintain` do, and any other exception unchanged; the record is closed first.
    """
    try:
        report = build(dbt, selector=job.selector, on_step=job.start_step)
        if report.problems:
            job.finish("; ".join(report.problems)[:2000])
            return report
        if make_client:
            job.start_step("describe")
            for line in describe(dbt, make_client("glue")):
                job.log(line)
        if should_maintain:
            job.start_step("maintain")
            for line in maintain(dbt):
                job.log(line)
        job.start_step("measure")
        job.measured = measure(dbt, report, job.now())
        if make_client:
            put_metrics(job.measured, make_client("cloudwatch"))
        if copy:
            job.start_step("copy")
            for line in copy():
                job.log(line)
        job.finish()
    except BaseException as error:
        job.finish(f"{type(error).__name__}: {error}"[:2000])
        raise
    return report


def measure(dbt: Dbt, report: BuildReport, now: datetime) -> dict[str, float]:
    """Measure a run: seconds in its nodes, models, tests, warnings, and the percentage of lines quarantined."""
    since = (now - timedelta(days=_QUARANTINE_DAYS)).date().isoformat()
    share = dbt.read_value("quarantined_share", "quarantined_pct", args=f"{{since: '{since}'}}")
    counts = {"models": report.models, "tests": report.tests, "warnings": report.warnings}
    return {"quarantined_pct": float(share), "job_seconds": round(report.seconds, 1), **counts}


def put_metrics(measured: dict[str, float], cloudwatch: Any) -> None:
    """Put METRICS into CloudWatch, with the schema as their dimension. Raises UserError when CloudWatch refuses."""
    schema = os.environ.get("TICKERLAKE_SCHEMA", "tickerlake")
    try:
        cloudwatch.put_metric_data(
            Namespace="tickerlake",
            MetricData=[
                {"MetricName": name, "Value": measured[name], "Dimensions": [{"Name": "schema", "Value": schema}]}
                for name in METRICS
            ],
        )
    except (BotoCoreError, ClientError) as error:
        raise UserError(f"cannot publish metrics: {type(error).__name__}: {error}") from None

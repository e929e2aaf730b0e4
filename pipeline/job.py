"""The scheduled transformation: plan, build and test, gate, maintenance, copies; each step only after the one before.

Its record, one JSON object a run below `state/transformation/`, says which step began when and how it ended; a step
that was killed stays `running` there.
"""

import os
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from json import dumps
from typing import Any

from loader.record import utc_text
from loader.store import Store
from pipeline.build import Report, build
from pipeline.dbt import Dbt
from pipeline.describe import describe
from pipeline.maintain import maintain
from tickerlake.errors import UserError

FOLDER = "state/transformation/"
PUBLISHED = ("quarantined_pct", "job_seconds")
_DAYS_OF_ARRIVALS = 2
"""How far back quarantined_pct looks: a first bad day shows, an old one is forgotten."""


@dataclass
class Step:
    """One step: plan, build (tests included), publish, describe, maintain, measure or copy; running, done or failed."""

    name: str
    started_at: str
    status: str = "running"
    seconds: float = 0.0
    problem: str = ""


@dataclass
class Job:
    """A run of the steps, whose record is written at every change."""

    store: Store
    selector: str
    say: Callable[[str], object] = print
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    status: str = "running"
    steps: list[Step] = field(default_factory=list)
    measured: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Name the run after its start."""
        self.started_at = utc_text(self.now())
        self._entered = time.monotonic()

    @property
    def key(self) -> str:
        """Where the record lies in the store."""
        return f"{FOLDER}{self.started_at.replace(':', '')}-{os.getpid()}.json"

    def enter(self, name: str) -> None:
        """End the step under way, and begin the next."""
        self._end("done")
        self._entered = time.monotonic()
        self.steps.append(Step(name, utc_text(self.now())))
        self._write()

    def _end(self, status: str, problem: str = "") -> None:
        if self.steps and self.steps[-1].status == "running":
            step = self.steps[-1]
            step.status, step.problem = status, problem
            step.seconds = round(time.monotonic() - self._entered, 1)
            self.say(f"{step.name}: {status} in {step.seconds} s")

    def finish(self, problem: str = "") -> None:
        """End the run: done, or failed in the step under way."""
        self.status = "failed" if problem else "done"
        self._end(self.status, problem)
        self._write()

    def _write(self) -> None:
        record = {"started_at": self.started_at, "selector": self.selector, "status": self.status}
        record |= {"steps": [asdict(step) for step in self.steps], "measured": self.measured}  # type: ignore[dict-item]
        self.store.write(self.key, dumps(record, indent=1).encode())


def run(
    dbt: Dbt,
    job: Job,
    *,
    maintains: bool,
    client: Callable[[str], Any] | None = None,
    copies: Callable[[], Iterable[str]] | None = None,
) -> Report:
    """Do the steps; `client` makes clients of AWS, for what only a deployment has: descriptions and metrics.

    `copies` brings a copy of what is published up to date, and says what changed. It comes last: a copy that cannot be
    written keeps nothing else from being done.

    The report's problems say why readers stayed; nothing follows a step that failed.

    Raises UserError as `build` and `maintain` do, whatever else went wrong as it came; the record is closed first.
    """
    try:
        report = build(dbt, selector=job.selector, entering=job.enter)
        if report.problems:
            job.finish("; ".join(report.problems)[:2000])
            return report
        if client:
            job.enter("describe")
            for line in describe(dbt, client("glue")):
                job.say(line)
        if maintains:
            job.enter("maintain")
            for line in maintain(dbt):
                job.say(line)
        job.enter("measure")
        job.measured = measures(dbt, report, job.now())
        if client:
            put_metrics(job.measured, client("cloudwatch"))
        if copies:
            job.enter("copy")
            for line in copies():
                job.say(line)
        job.finish()
    except BaseException as error:
        job.finish(f"{type(error).__name__}: {error}"[:2000])
        raise
    return report


def measures(dbt: Dbt, report: Report, now: datetime) -> dict[str, float]:
    """Measure a run: seconds in its nodes, models, tests, warnings, and the percentage of lines quarantined."""
    since = (now - timedelta(days=_DAYS_OF_ARRIVALS)).date().isoformat()
    share = dbt.answer("quarantined_share", args=f"{{since: '{since}'}}").removeprefix("quarantined_pct=")
    counts = {"models": report.models, "tests": report.tests, "warnings": report.warnings}
    return {"quarantined_pct": float(share), "job_seconds": round(report.seconds, 1), **counts}


def put_metrics(measured: dict[str, float], cloudwatch: Any) -> None:
    """Put two measures into CloudWatch, by schema: each costs by the month. Raises UserError when it refuses."""
    from botocore.exceptions import BotoCoreError, ClientError

    dimensions: Any = [{"Name": "schema", "Value": os.environ.get("TICKERLAKE_SCHEMA", "tickerlake")}]
    data: Any = [
        {"MetricName": name, "Value": value, "Dimensions": dimensions}
        for name, value in measured.items()
        if name in PUBLISHED
    ]
    try:
        cloudwatch.put_metric_data(Namespace="tickerlake", MetricData=data)
    except (BotoCoreError, ClientError) as error:
        raise UserError(f"cannot publish metrics: {type(error).__name__}: {error}") from None

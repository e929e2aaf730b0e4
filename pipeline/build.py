"""Write, audit, publish: build the models, run their tests, and move readers only when every test has passed."""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass

from pipeline.dbt import Dbt, NodeResult
from tickerlake import lake
from tickerlake.errors import UserError

_GOOD = {"success", "pass", "warn", "no-op"}


@dataclass(frozen=True, slots=True)
class Report:
    """What a build did. `problems` is empty when it was published."""

    models: int
    tests: int
    warnings: int
    seconds: float
    problems: list[str]

    @property
    def is_published(self) -> bool:
        """True when every model was built and every test passed."""
        return not self.problems


def build(
    dbt: Dbt, *, full_refresh: bool = False, selector: str = "", entering: Callable[[str], object] = lambda _: None
) -> Report:
    """Build everything (or what a selector of selectors.yml names) from what has landed, test it, and publish it.

    `entering` hears of each step as it begins: plan, build, publish.

    Raises UserError when nothing can be built at all: no raw lines, a lake in use by another run, a refusal of the
    run's own guards.
    """
    entering("plan")
    is_one_machine = dbt.adapter() == "duckdb"
    if is_one_machine:
        _require_lines()
    else:
        _bound_merges(dbt, full_refresh=full_refresh)
    entering("build")
    options = ["--full-refresh"] if full_refresh else []
    options += ["--selector", selector] if selector else []
    results = dbt.invoke("build", "--exclude-resource-type", "unit_test", *options)
    problems = [_problem(result) for result in results if result.status not in _GOOD and result.status != "skipped"]
    failed = [result.name for result in results if result.resource_type == "test" and result.status == "fail"]
    if failed:  # once more, to keep the rows: keeping those of every test would cost a table each
        kept = dbt.invoke("test", "--select", *failed, "--store-failures")
        problems += [f"rows of {test.name}: from {test.relation}" for test in kept if test.status == "fail"]
    if not problems:
        entering("publish")
        dbt.run_operation("publish")
        if is_one_machine:
            publish_catalogue()
    return Report(
        models=sum(r.resource_type == "model" and r.status in _GOOD for r in results),
        tests=sum(r.resource_type == "test" and r.status in _GOOD for r in results),
        warnings=sum(r.status == "warn" for r in results),
        seconds=sum(r.seconds for r in results),
        problems=problems,
    )


def publish_catalogue() -> None:
    """Replace the catalogue that readers open by a copy of the working one, in one rename.

    A reader that holds the old file keeps its view of the lake; Parquet files are never rewritten in place.
    """
    folder = lake.folder()
    fresh = folder / f".{lake.PUBLISHED}.part"
    shutil.copyfile(folder / lake.CATALOG, fresh)
    fresh.replace(folder / lake.PUBLISHED)


def _require_lines() -> None:
    """Make the lake's folders. Raises UserError when they cannot be written, or nothing has landed."""
    folder = lake.folder()
    try:
        (folder / "warehouse").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot write lake '{folder}': {error.strerror}; set TICKERLAKE_LAKE") from None
    if not any((folder / "raw").glob("*bars/*/*/*.ndjson.gz")):
        raise UserError(f"nothing has landed in '{folder}/raw': run `python -m loader fetch|replay|simulate`")


def _bound_merges(dbt: Dbt, *, full_refresh: bool) -> None:
    """Tell the models the earliest date that this run may write, so that merges read no more of their targets.

    The answer reaches the models' configuration through the environment, which dbt reads when it parses.
    """
    _merge_from(dbt, "")
    if not full_refresh:
        _merge_from(dbt, dbt.answer("plan_merge").removeprefix("merge_from="))


def _merge_from(dbt: Dbt, day: str) -> None:
    if os.environ.get("TICKERLAKE_MERGE_FROM", "") != day:
        os.environ["TICKERLAKE_MERGE_FROM"] = day
        dbt.parse_again()


def _problem(result: NodeResult) -> str:
    said = f" ({result.description})" if result.description and result.resource_type == "test" else ""
    return f"{result.resource_type} {result.name}: {result.message}{said}"

"""Write, audit, publish: build the models, run their tests, and publish only when every test has passed."""

import json
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import duckdb

from pipeline.dbt import CommandResult, Dbt, NodeResult
from pipeline.seeds import check_seeds
from tickerlake import lake
from tickerlake.errors import UserError

_GOOD = {"success", "pass", "warn"}
"""What a node that has run well is called; no-op is a node that has nothing to run (an exposure)."""


@dataclass(frozen=True, slots=True)
class BuildReport:
    """The result of a build. `problems` is empty when it was published."""

    models: int
    tests: int
    warnings: int
    seconds: float
    problems: list[str]
    refused: str = ""
    """What the run refused, in a sentence; empty when it accepted every line, and on Athena."""

    @property
    def is_published(self) -> bool:
        """True when every model was built and every test passed."""
        return not self.problems


def build(
    dbt: Dbt, *, full_refresh: bool = False, selector: str = "", on_step: Callable[[str], object] = lambda _: None
) -> BuildReport:
    """Build everything (or what a selector of selectors.yml names) from the raw lines, test it, and publish it.

    A selector that fails because it leaves out what it needs (tables that are not built yet, lines that wait for
    another model) is widened to everything, and so is one beside models that a run has built since the last release:
    their tests are not in it.

    `on_step` is called with the name of each step as it begins: plan, build, publish.

    Raises UserError when nothing can be built at all: no raw lines, a lake in use by another run, a wrong row of a
    seed, a failed check of the run itself.
    """
    on_step("plan")
    check_seeds(dbt.project / "seeds")
    is_one_machine = dbt.adapter() == "duckdb"
    if is_one_machine:
        _require_lines()
    else:
        _bound_merges(dbt, full_refresh=full_refresh)
    selection = ["--selector", selector] if selector else []
    required = _require_selection(dbt, selection)
    on_step("build")
    options = ["--full-refresh"] if full_refresh else []
    built = dbt.invoke("build", "--exclude-resource-type", "unit_test", *options, *selection)
    results = built.nodes
    problems = [_problem(result) for result in results if result.status not in _GOOD | {"no-op", "skipped"}]
    failed = [result.name for result in results if result.resource_type == "test" and result.status == "fail"]
    if failed:  # run again to store the failing rows: storing those of every test would cost a table each
        reruns = dbt.invoke("test", "--select", *failed, "--store-failures").nodes
        problems += [f"rows of {test.name}: from {test.relation}" for test in reruns if test.status == "fail"]
    problems += _gate_problems(built, required, is_explained=bool(problems))
    if problems and selector and (needed := _left_out(dbt, required, results)):
        print(f"selector {selector} needs more than it selects ({needed}): everything is built", flush=True)
        return build(dbt, full_refresh=full_refresh, on_step=on_step)
    if not problems:
        on_step("publish")
        selected = json.dumps({"selected": required if selector else []})
        if untested := dbt.read_value("publish", "untested", args=selected):
            print(
                f"{untested} built since the last release outside selector {selector}: everything is built", flush=True
            )
            return build(dbt, full_refresh=full_refresh, on_step=on_step)
        if is_one_machine:
            publish_catalogue()
    return BuildReport(
        models=sum(r.resource_type == "model" and r.status in _GOOD for r in results),
        tests=sum(r.resource_type == "test" and r.status in _GOOD for r in results),
        warnings=sum(r.status == "warn" for r in results),
        seconds=sum(r.seconds for r in results),
        problems=problems,
        refused=count_refused() if is_one_machine else "",
    )


def count_refused() -> str:
    """Return how many of the lines that the last run read were refused, and why; empty when none was."""
    with lake.connect(lake.folder(), lake.CATALOG) as connection:
        try:
            rows = connection.execute(
                "select reasons, count(*) from lake.tickerlake_intermediate.int_line__validated "
                "group by 1 order by 2 desc, 1"
            ).fetchall()
        except duckdb.Error:
            return ""  # a selection without the lines
    total, refused = sum(count for _, count in rows), [(reasons, count) for reasons, count in rows if reasons]
    if not refused:
        return ""
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in refused[:5])
    remedy = "to read them: python -m pipeline sql 'select reasons, line from quarantined_record'"
    return f"{sum(count for _, count in refused):,} of {total:,} lines refused: {reasons}; {remedy}"


def _require_selection(dbt: Dbt, selection: list[str]) -> list[str]:
    """Return the nodes that must run before anything is published, by unique id, from the manifest.

    Raises UserError when nothing is selected, or no data test is: nothing would be tested before it is published.
    """
    required = dbt.list_required(*selection)
    selected_by = f"selector '{selection[1]}'" if selection else "the project"
    if not required:
        raise UserError(f"nothing to build: {selected_by} selects no model, seed or test; see selectors.yml")
    if not any(unique_id.startswith("test.") for unique_id in required):
        raise UserError(f"nothing to test: {selected_by} selects no data test, so that nothing can be published")
    return required


def _gate_problems(built: CommandResult, required: list[str], *, is_explained: bool) -> list[str]:
    """Return why the run may not be published: required nodes that have not run, or dbt's own verdict.

    `is_explained` says that failed nodes are reported already.
    """
    done = {result.unique_id for result in built.nodes if result.status in _GOOD}
    failed = {result.unique_id for result in built.nodes if result.status not in _GOOD | {"no-op", "skipped"}}
    missing = [unique_id for unique_id in required if unique_id not in done | failed]
    problems = [] if is_explained else [f"dbt: {error}" for error in dict.fromkeys(built.errors)]
    if missing:
        names = [unique_id.split(".")[2] for unique_id in sorted(missing)]
        shown = ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
        problems.append(f"{len(names)} of {len(required)} selected nodes did not run: {shown}")
    if not built.is_success and not problems and not is_explained:
        problems.append("dbt reports a failure, and names no node: run `dbt build` and read its log")
    return problems


def _left_out(dbt: Dbt, required: list[str], results: list[NodeResult]) -> str:
    """Return what a failed selector needs and leaves out: tables that are not built yet, lines that wait; else ''."""
    if any(result.status == "fail" and "no_missing_line" in result.name for result in results):
        return "lines that wait for other models"
    if any(result.status == "error" for result in results):
        selected = [unique_id for unique_id in required if not unique_id.startswith("test.")]
        return dbt.read_value("missing_inputs", "missing", args=json.dumps({"selected": selected}))
    return ""


def publish_catalogue() -> None:
    """Replace the published catalogue by a copy of the working one, in one rename.

    A reader that has the old file open keeps reading that release; Parquet files are never rewritten in place.

    Raises UserError when the lake cannot be written; the last release stays.
    """
    folder = lake.folder()
    copy = folder / f".{lake.PUBLISHED}.part"
    try:
        shutil.copyfile(folder / lake.CATALOG, copy)
        copy.replace(folder / lake.PUBLISHED)
    except OSError as error:
        with suppress(OSError):
            copy.unlink(missing_ok=True)
        raise UserError(
            f"cannot publish in '{folder}': {error.strerror}; make room or allow writing, and build again"
        ) from None


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
    """Set the earliest date that this run may write, so that a merge reads no more of its target than that.

    The date reaches the models' configuration through the environment, which dbt reads when it parses.
    """
    _set_merge_from(dbt, "")
    if not full_refresh:
        _set_merge_from(dbt, dbt.read_value("compute_merge_floor", "merge_from"))


def _set_merge_from(dbt: Dbt, day: str) -> None:
    if os.environ.get("TICKERLAKE_MERGE_FROM", "") != day:
        os.environ["TICKERLAKE_MERGE_FROM"] = day
        dbt.discard_manifest()


def _problem(result: NodeResult) -> str:
    description = f" ({result.description})" if result.description and result.resource_type == "test" else ""
    return f"{result.resource_type} {result.name}: {result.message}{description}"

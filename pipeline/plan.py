"""What a build would do, without building: what has landed, what is incremental, how many rows, at what price."""

import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from pipeline.athena_cost import Prices
from pipeline.dbt import Dbt, explain
from pipeline.landed import Landed, Listing, list_bucket, list_folder, summarize
from pipeline.last_build import read_record
from pipeline.seeds import check_seeds
from tickerlake import lake
from tickerlake.errors import UserError
from tickerlake.raw_zone import arrival_hour
from tickerlake.text_table import render_table

_DATASETS = {"fct_bar": "bars", "fct_daily_bar": "daily_bars", "int_action__known": "corporate_actions"}
_PARTITION_WIDTH = {"day": 10, "month": 7, "symbol_month": 7}
ESTIMATE = (
    "rows are the landed lines, and for a window mart its lookback after them; partitions are those of the landed "
    "dates; a split also restates the days before it"
)


@dataclass(frozen=True, slots=True)
class ModelPlan:
    """What a run does with one model: all of it again for a reason, or what is above what it has consumed.

    `rows` and `partitions` are expectations at most; `bytes_scanned` is the mean of its recent runs on Athena.
    """

    name: str
    full_because: str
    reads_from: str
    rows: int
    partitions: int
    bytes_scanned: int | None


@dataclass(frozen=True, slots=True)
class Plan:
    """What a build would do: `line` is what the run itself logs; `landed` is what no build has read, by dataset.

    `statements` are the selected nodes, each at least one; `dollars` the price of the models' recent runs on Athena.
    """

    line: str
    landed: list[Landed]
    models: list[ModelPlan]
    statements: int
    dollars: float | None


def compute_plan(
    dbt: Dbt,
    selection: Sequence[str] = (),
    *,
    full_refresh: bool = False,
    make_client: Callable[[str], Any] | None = None,
) -> Plan:
    """Return what a build of a selection (options of `dbt ls`) would do; nothing is written to the lake.

    Raises UserError as a build would at its start: a wrong var or seed, a selection that cannot be built.
    """
    check_seeds(dbt.project / "seeds")
    required = dbt.list_required(*selection)
    if not required:
        raise UserError(f"nothing to plan: {' '.join(selection)} selects no model, seed or test")
    selected = [unique_id for unique_id in required if not unique_id.startswith("test.")]
    is_one_machine = dbt.adapter() == "duckdb"
    if is_one_machine:
        with _copied_lake(lake.folder()):
            answer = json.loads(dbt.read_value("describe_plan", "plan", args=json.dumps({"selected": selected})))
        raw = list_folder(lake.folder() / "raw")
        open_object: Callable[[str], Any] = _open_file
        record = read_record(lake.folder()).get("raw")
    else:
        answer = json.loads(dbt.read_value("describe_plan", "plan", args=json.dumps({"selected": selected})))
        raw, open_object = _list_bucket(make_client, "" if full_refresh else answer["arrival_from"])
        record = None
    new = {
        key: value
        for key, value in raw.items()
        if (arrival_hour(key) >= answer["arrival_from"] if record is None else record.get(key) != value)
    }
    landed = summarize(new, open_object)
    is_partly_full = full_refresh or answer["full"]
    everything = summarize(raw, open_object) if is_partly_full and len(new) < len(raw) else landed
    models = _list_models(dbt, selected, answer, landed, everything, full_refresh=full_refresh)
    scans = [model.bytes_scanned for model in models if model.bytes_scanned is not None]
    prices = Prices.read()
    dollars = sum(prices.dollars(max(prices.least_bytes, scanned)) for scanned in scans) if scans else None
    line = f"plan: full refresh of {len(models)} models, raw from the beginning" if full_refresh else answer["line"]
    return Plan(line, landed, models, len(required), dollars)


def render_landed(landed: Sequence[Landed]) -> str:
    """Return what has landed as text: a row per dataset, or one line when there is nothing."""
    if not landed:
        return "landed: nothing that the last build has not read"
    header = ("dataset", "objects", "bytes", "arrived", "lines", "symbols", "dates")
    rows = [
        (
            item.dataset,
            item.objects,
            item.bytes,
            item.first_hour if item.first_hour == item.last_hour else f"{item.first_hour} to {item.last_hour}",
            f"{'about ' if item.is_estimate else ''}{item.lines:,}"
            + (f" ({item.unreadable} objects unreadable)" if item.unreadable else ""),
            len(item.symbols),
            f"{min(item.dates)} to {max(item.dates)}" if item.dates else "-",
        )
        for item in landed
    ]
    return render_table("landed since:", header, rows)


def render_plan(plan: Plan) -> str:
    """Return a plan as text."""
    header = ("model", "run", "from", "rows at most", "partitions")
    rows = [
        (
            model.name,
            f"full: {model.full_because}" if model.full_because else "incremental",
            model.reads_from,
            model.rows,
            model.partitions,
        )
        for model in plan.models
    ]
    lines = [render_landed(plan.landed), plan.line, render_table("models with progress of their own:", header, rows)]
    lines.append(f"estimate: {ESTIMATE}")
    if plan.dollars is not None:
        scanned = sum(model.bytes_scanned or 0 for model in plan.models)
        lines.append(
            f"on Athena, by the models' last 5 runs: {scanned:,} bytes, {plan.dollars:.5f} dollars, tests apart; "
            f"at least {plan.statements} statements"
        )
    return "\n".join(lines)


def plan_as_json(plan: Plan) -> str:
    """Return a plan as JSON."""
    return json.dumps(
        {
            "line": plan.line,
            "landed": [
                {
                    "dataset": item.dataset,
                    "objects": item.objects,
                    "bytes": item.bytes,
                    "first_hour": item.first_hour,
                    "last_hour": item.last_hour,
                    "lines": item.lines,
                    "is_estimate": item.is_estimate,
                    "unreadable_objects": item.unreadable,
                    "symbols": sorted(item.symbols),
                    "dates": sorted(item.dates),
                }
                for item in plan.landed
            ],
            "models": [
                {
                    "model": model.name,
                    "full_because": model.full_because or None,
                    "reads_from": model.reads_from,
                    "rows_at_most": model.rows,
                    "partitions": model.partitions,
                    "bytes_scanned": model.bytes_scanned,
                }
                for model in plan.models
            ],
            "statements_at_least": plan.statements,
            "dollars": plan.dollars,
            "estimate": ESTIMATE,
        },
        indent=1,
    )


def list_landed(folder: Path, raw: Listing) -> list[Landed]:
    """Return what lies in a lake's raw zone and was not there, or was another, at the last published build."""
    known = read_record(folder).get("raw", {})
    return summarize({key: value for key, value in raw.items() if known.get(key) != value}, _open_file)


def _open_file(key: str) -> Any:
    return (lake.folder() / "raw" / key).open("rb")


def _list_bucket(make_client: Callable[[str], Any] | None, arrival_from: str) -> tuple[Listing, Callable[[str], Any]]:
    """Return what the run reads, the overlap of arrivals included."""
    bucket = os.environ.get("TICKERLAKE_RAW_BUCKET")
    if not bucket or make_client is None:
        raise UserError("TICKERLAKE_RAW_BUCKET is not set: name the bucket of the raw zone")
    client = make_client("s3")
    listing = list_bucket(client, bucket, _DATASETS.values(), arrival_from[:10])
    return listing, lambda key: client.get_object(Bucket=bucket, Key=f"raw/{key}")["Body"]


@contextmanager
def _copied_lake(folder: Path) -> Iterator[None]:
    """Set TICKERLAKE_LAKE to a folder with a copy of the lake's catalogue: dbt opens it for writing, whatever it does.

    Raises UserError when another process has the catalogue open.
    """
    with tempfile.TemporaryDirectory(prefix="tickerlake_plan_") as copy:
        for name in ("raw", "warehouse"):
            if (folder / name).exists():
                (Path(copy) / name).symlink_to(folder / name)
            else:
                (Path(copy) / name).mkdir()
        if (folder / lake.CATALOG).exists():
            try:
                with duckdb.connect(str(folder / lake.CATALOG), read_only=True):
                    for file in folder.glob(f"{lake.CATALOG}*"):
                        shutil.copyfile(file, Path(copy) / file.name)
            except duckdb.Error as error:
                raise UserError(explain(" ".join(str(error).split()))) from None
        before = os.environ.get("TICKERLAKE_LAKE")
        os.environ["TICKERLAKE_LAKE"] = copy
        try:
            yield
        finally:
            os.environ["TICKERLAKE_LAKE"] = before if before is not None else str(folder)


def _list_models(
    dbt: Dbt,
    selected: Sequence[str],
    answer: Mapping[str, Any],
    landed: Sequence[Landed],
    everything: Sequence[Landed],
    *,
    full_refresh: bool,
) -> list[ModelPlan]:
    nodes = {node.name: node for node in dbt.nodes().values() if node.resource_type == "model"}
    grain = str(dbt.variable("partition_grain"))
    models = []
    for name, consumed in sorted(answer["consumed"].items()):
        node = nodes[name]
        if node.unique_id not in selected:
            continue
        reason = "full refresh" if full_refresh else answer["full"].get(name, "")
        datasets = _datasets(name, nodes)
        parts = [item for item in (everything if reason else landed) if item.dataset in datasets]
        meta = node.config.meta
        lookback = 0 if reason else meta.get("lookback", meta.get("lookback_sessions", 0))
        rows = sum(part.lines + lookback * len(part.series) for part in parts)
        reads_raw = "int_line__validated" in meta["consumes"] or not meta["consumes"]
        since = f"arrivals of {answer['arrival_from']}" if reads_raw else f"batch {consumed + 1}"
        reads_from = "the beginning" if reason or (reads_raw and not answer["arrival_from"]) else since
        partitions = {
            (day[: _PARTITION_WIDTH[grain]], symbol if grain == "symbol_month" else "")
            for part in parts
            for day in part.dates
            if re.fullmatch(r"\d{4}-\d\d-\d\d", day)
            for symbol in (part.symbols if grain == "symbol_month" else {""})
        }
        models.append(ModelPlan(name, reason, reads_from, rows, len(partitions), answer["scanned"].get(name)))
    return models


def _datasets(name: str, nodes: Mapping[str, Any]) -> set[str]:
    """Return the datasets of raw from which a model's rows come."""
    if name in _DATASETS:
        return {_DATASETS[name]}
    parents = [parent for parent in nodes[name].config.meta.get("consumes", []) if parent in nodes]
    if not parents or parents == ["int_line__validated"]:
        return set(_DATASETS.values())
    return set().union(*(_datasets(parent, nodes) for parent in parents if parent != "int_line__validated"))

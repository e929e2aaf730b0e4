"""Run dbt in this process: commands, their results, and error messages with a remedy."""

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from dbt.cli.main import dbtRunner, dbtRunnerResult

from tickerlake.errors import UserError
from tickerlake.lake import PROJECT

_CAUGHT_ERRORS = {"CatchableExceptionOnRun", "InternalErrorOnRun", "GenericExceptionOnRun"}
_DISASTERS = [
    (re.compile(pattern, re.IGNORECASE), remedy)
    for pattern, remedy in {
        r"not a valid DuckDB database|corrupt database|serialization error|failed to load metadata|checksum does not": (
            "the lake's catalogue cannot be read: move catalog.ducklake* aside and build, everything is rebuilt from "
            "raw (docs/runbooks/lost-files.md)"
        ),
        r"(cannot open|could not open|no files found|failed to open).*\.parquet": (
            "a file of a table is gone: move catalog.ducklake* aside and build, everything is rebuilt from raw "
            "(docs/runbooks/lost-files.md)"
        ),
        r"no space left|out of disk|disk is full|file too large": (
            "free space in the lake's file system and build again; what was published stays"
        ),
        r"cannot open file.*(read-only file system|permission denied)": (
            "make the lake writable for this user and build again"
        ),
    }.items()
]


@dataclass(frozen=True, slots=True)
class NodeResult:
    """The result of one node: `status` is dbt's own (success, pass, warn, fail, error, skipped).

    `relation` is the table that it created, a test's table of failing rows included; "" where it created none.
    """

    unique_id: str
    name: str
    resource_type: str
    status: str
    seconds: float
    message: str
    description: str
    relation: str


@dataclass(frozen=True, slots=True)
class CommandResult:
    """The result of one command: `is_success` is dbt's own verdict, which may be false though no node has failed.

    `errors` are the errors that dbt caught while it ran: an ephemeral model that cannot be compiled has no result.
    """

    is_success: bool
    nodes: list[NodeResult]
    errors: list[str]


class Dbt:
    """Runs dbt commands on this project. The manifest is parsed once per target and reused, which saves seconds."""

    def __init__(self, target: str | None = None, project: Path = PROJECT, options: Sequence[str] = ()) -> None:
        self._options = ["--project-dir", str(project), "--profiles-dir", str(_profiles_dir(project)), *options]
        self._options += ["--target", target] if target else []
        self.project = project
        self._manifest: Any = None
        self._required: dict[tuple[str, ...], list[str]] = {}

    def invoke(self, *arguments: str) -> CommandResult:
        """Run one command and return its result. Raises UserError when dbt itself fails, not when a node does."""
        errors: list[str] = []

        def listen(event: Any) -> None:
            if event.info.name in _CAUGHT_ERRORS:
                errors.append(_in_one_line(event.info.msg))

        outcome = self._run(self._runner(_print_plan, listen), list(arguments))
        nodes = [_node_result(result) for result in getattr(outcome.result, "results", None) or []]
        return CommandResult(outcome.success, nodes, errors)

    def list_required(self, *arguments: str) -> list[str]:
        """Return the unique ids of the selection's models, seeds and data tests, without what no run reports on.

        Ephemeral models have no result of their own. `arguments` are options of `dbt ls`: --selector, --select.
        """
        if arguments not in self._required:
            self._required[arguments] = self._list_required(arguments)
        return self._required[arguments]

    def _list_required(self, arguments: Sequence[str]) -> list[str]:
        options = [
            "--output",
            "json",
            "--output-keys",
            "unique_id",
            "config.materialized",
            "--exclude-resource-type",
            "unit_test",
        ]
        for resource_type in ("model", "seed", "test"):
            options += ["--resource-type", resource_type]
        outcome = self._run(self._runner(), ["ls", *options, *arguments])
        listed: Any = outcome.result or []
        nodes = [json.loads(line) for line in listed]
        return [node["unique_id"] for node in nodes if node["config.materialized"] != "ephemeral"]

    def run_operation(self, macro: str, *listeners: Callable[[Any], None], args: str = "{}") -> None:
        """Run one macro; `listeners` receive dbt's events, `args` is YAML. Raises UserError when it fails."""
        outcome = self._run(self._runner(*listeners), ["run-operation", macro, "--args", args])
        if not outcome.success:
            messages = [result.message or "" for result in getattr(outcome.result, "results", None) or []]
            raise UserError(f"{macro}: " + (_in_one_line(" ".join(messages)) or "dbt reports a failure, and no reason"))

    def read_lines(self, macro: str, args: str = "{}") -> list[str]:
        """Run one macro and return the lines that it printed. Raises UserError as `run_operation`."""
        lines: list[str] = []

        def listen(event: Any) -> None:
            if event.info.name == "PrintEvent":
                lines.append(event.info.msg.strip())

        self.run_operation(macro, listen, args=args)
        return lines

    def read_value(self, macro: str, name: str, args: str = "{}") -> str:
        """Run one macro and return the value of the last line `name=value` that it printed.

        Raises UserError as `run_operation`, and when there is no such line.
        """
        lines = self.read_lines(macro, args)
        values = [line.removeprefix(f"{name}=") for line in lines if line.startswith(f"{name}=")]
        if not values:
            raise UserError(f"{macro} printed no line '{name}=': {lines[-1] if lines else 'nothing'}")
        return values[-1]

    def adapter(self) -> str:
        """Return the adapter of the target: duckdb or athena."""
        return str(self._parsed().metadata.adapter_type)

    def nodes(self) -> Mapping[str, Any]:
        """Return the project's models, seeds and tests, by unique id."""
        nodes: Mapping[str, Any] = self._parsed().nodes
        return nodes

    def variable(self, name: str) -> Any:
        """Return the value of a var of dbt_project.yml."""
        return yaml.safe_load((self.project / "dbt_project.yml").read_text())["vars"][name]

    def discard_manifest(self) -> None:
        """Parse again at the next command: the environment variables that the project reads have changed."""
        self._manifest = None
        self._required.clear()

    def _parsed(self) -> Any:
        """Return the manifest, parsed at the first call."""
        if self._manifest is None:
            self._manifest = self._run(dbtRunner(), ["parse"]).result
            self._manifest.selectors = {}  # dbt 1.11 cannot copy them, and reads them from the project
        return self._manifest

    def _runner(self, *callbacks: Callable[[Any], None]) -> dbtRunner:
        """Return a runner with its own copy of the manifest: compiling marks ephemeral models as compiled in it."""
        return dbtRunner(manifest=self._parsed().deepcopy(), callbacks=list(callbacks))

    def _run(self, runner: dbtRunner, arguments: Sequence[str]) -> dbtRunnerResult:
        try:
            outcome = runner.invoke(["--quiet", "--log-level", "none", *arguments, *self._options])
        finally:
            _close_duckdb_connections()
        if outcome.exception:
            raise UserError(explain(_in_one_line(str(outcome.exception))))
        return outcome


def public_models(dbt: Dbt) -> Iterator[Any]:
    """Yield the nodes of the models with `access: public`; the published view has the name of the node's alias."""
    for node in dbt.nodes().values():
        if str(node.resource_type) == "model" and str(node.config.access) == "public":
            yield node


def _profiles_dir(project: Path) -> Path:
    folder = Path(os.environ.get("DBT_PROFILES_DIR") or project)
    if not (folder / "profiles.yml").exists():
        raise UserError(f"no profiles.yml in '{folder}': copy profiles.yml.example there (`make setup` does)")
    return folder


def _print_plan(event: Any) -> None:
    """Print the line in which a run logs what it has planned: see macros/incremental/plan/log_run_plan.sql."""
    if event.info.name == "JinjaLogInfo" and event.info.msg.startswith("plan: "):
        print(event.info.msg, flush=True)


def _node_result(result: Any) -> NodeResult:
    node = result.node
    return NodeResult(
        unique_id=node.unique_id,
        name=node.name,
        resource_type=str(node.resource_type),
        status=str(result.status),
        seconds=result.execution_time,
        message=explain(_in_one_line(result.message or "")),
        description=getattr(node, "description", ""),
        relation=(getattr(node, "relation_name", None) or "").replace('"', ""),
    )


def explain(message: str) -> str:
    """Add the remedy to the most frequent errors; other messages stay as dbt wrote them."""
    if "Could not set lock on file" in message:
        holder = re.search(r"PID (\d+)", message)
        by = f" by process {holder.group(1)}" if holder else ""
        return f"the lake's catalogue is in use{by}: wait for that run to end (readers open the published copy)"
    for pattern, remedy in _DISASTERS:
        if pattern.search(message):
            return f"{message}; {remedy}"
    return message


def _in_one_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith(">")]
    return " ".join(lines)[:600]


def _close_duckdb_connections() -> None:
    """Close what dbt-duckdb keeps open for the life of the process: only one process may open the catalogue file."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager

    DuckDBConnectionManager.close_all_connections()

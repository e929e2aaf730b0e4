"""A lake under test: land lines, run dbt in this process, read tables."""

import atexit
import gzip
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import yaml

from pipeline.dbt import CommandResult, Dbt, NodeResult
from tickerlake import lake as lakes

DBT = Path(sys.executable).parent / "dbt"
# the marts at the grain of a bar
MARTS = ("fct_bar", "fct_price_change", "fct_moving_average", "fct_volume_spike", "fct_technical_indicator")
RESAMPLED = ("--vars", "{resample_minutes: [5]}")
DAILY_MARTS = ["path:models/marts/daily,config.materialized:view", "fct_daily_indicator"]
GOOD = {"success", "pass", "warn", "no-op"}


@cache
def dbt(project: Path = lakes.PROJECT, options: tuple[str, ...] = ()) -> Dbt:
    """A project's dbt (ours, unless a test has changed a copy), its manifest parsed once for all tests."""
    os.environ["TICKERLAKE_EXTENSIONS"] = str(lakes.extensions())
    target = tempfile.mkdtemp(prefix="tickerlake_target_")
    atexit.register(shutil.rmtree, target, ignore_errors=True)
    return Dbt("local", project, ["--target-path", target, "--no-write-json", *options])


def compiled(template: str, environment: Mapping[str, str], target: str = "local") -> str:
    """The SQL of a template that may call the project's macros, in a warehouse's environment."""
    done = subprocess.run(
        [
            str(DBT),
            "--quiet",
            "compile",
            "--inline",
            template,
            "--output",
            "json",
            "--target",
            target,
            "--no-populate-cache",
        ],
        cwd=lakes.PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:]
    return str(json.loads(done.stdout)["compiled"])


def project_copy(folder: Path) -> Path:
    """Copy the dbt project into `folder`, for a test to change."""
    for name in ("models", "macros", "seeds", "tests/warehouse"):
        shutil.copytree(lakes.PROJECT / name, folder / name)
    for name in ("dbt_project.yml", "profiles.yml.example"):
        shutil.copy(lakes.PROJECT / name, folder / name.removesuffix(".example"))
    return folder


def without_resampling(options: tuple[str, ...]) -> tuple[str, ...]:
    """Switch resampling off where a test does not choose it: tests count the bars that they land."""
    by_option = dict(zip(options[::2], options[1::2], strict=True))
    variables = {"resample_minutes": []} | yaml.safe_load(by_option.pop("--vars", "{}"))
    return (*(text for pair in by_option.items() for text in pair), "--vars", json.dumps(variables))


@cache
def public_marts(project: Path = lakes.PROJECT, views: bool = True) -> dict[str, tuple[str, ...]]:
    """Every mart that a build makes from raw, as schema.table, with its key: the columns of its first unique test."""
    nodes = dbt(project, without_resampling(())).nodes()
    keys: dict[str, tuple[str, ...]] = {}
    for node in nodes.values():
        model: Any = nodes.get(getattr(node, "attached_node", None) or "")
        if getattr(model, "access", None) != "public" or model.name == "fct_model_run":  # seeds have no access
            continue
        if views or model.config.materialized != "view":
            arguments = node.test_metadata.kwargs
            if node.test_metadata.name == "unique_key":
                keys.setdefault(f"{model.schema}.{model.name}", tuple(arguments["columns"]))
            elif node.test_metadata.name == "unique":
                keys.setdefault(f"{model.schema}.{model.name}", (arguments["column_name"],))
    return keys


@cache
def seeded(project: Path) -> Path:
    """A lake that holds the project's seeds and nothing else, for tests to start from."""
    template = Lake(Path(tempfile.mkdtemp(prefix="tickerlake_seeded_")), project)
    atexit.register(shutil.rmtree, template.folder, ignore_errors=True)
    template._all_good(template.invoke("seed"))
    return template.folder


@dataclass(frozen=True)
class Lake:
    """One lake in a folder of the test's own."""

    folder: Path
    project: Path = lakes.PROJECT
    options: tuple[str, ...] = ()

    def land(
        self, lines: Iterable[Mapping[str, Any] | bytes], hour: str = "2026-03-02 15", name: str = "object"
    ) -> Path:
        """Put lines into raw/bars as one object that arrived in `hour` (YYYY-MM-DD HH)."""
        target = self.folder / "raw" / "bars" / f"dt={hour[:10]}" / f"hr={hour[11:]}" / f"{name}.ndjson.gz"
        target.parent.mkdir(parents=True, exist_ok=True)
        texts = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines]
        target.write_bytes(gzip.compress(b"\n".join(texts) + b"\n"))
        return target

    def environment(self) -> dict[str, str]:
        """What dbt and the pipeline need to work here in a process of their own."""
        (self.folder / "warehouse").mkdir(parents=True, exist_ok=True)
        here = {"TICKERLAKE_LAKE": str(self.folder), "TICKERLAKE_EXTENSIONS": str(lakes.extensions())}
        return {**os.environ, **here}

    def dbt(self, *arguments: str) -> list[NodeResult]:
        """Run a dbt command here and return its nodes, whatever comes of it."""
        return self.invoke(*arguments).nodes

    def invoke(self, *arguments: str) -> CommandResult:
        """Run a dbt command here, whatever comes of it."""
        (self.folder / "warehouse").mkdir(parents=True, exist_ok=True)
        os.environ["TICKERLAKE_LAKE"] = str(self.folder)
        return dbt(self.project, without_resampling(self.options)).invoke(*arguments)

    def run(self, *arguments: str) -> list[NodeResult]:
        """Run the models, on the seeds as they are (views once, they do not change); every node must succeed.

        What only daily bars give is left out until the first ones have landed: land them before the first run.
        """
        excluded = [] if (self.folder / "raw" / "daily_bars").exists() else DAILY_MARTS
        if not (self.folder / lakes.CATALOG).exists():
            shutil.copytree(seeded(self.project), self.folder, dirs_exist_ok=True)
        elif not arguments:
            excluded = [*excluded, "config.materialized:view"]
        if excluded and "--select" not in arguments:
            arguments = (*arguments, "--exclude", *excluded)
        return self._all_good(self.invoke("run", *arguments))

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Read from the working catalogue; bare table names are marts."""
        connection = lakes.connect(self.folder, lakes.CATALOG)
        with closing(connection):
            connection.execute("use lake.tickerlake_marts")
            return connection.sql(sql).fetchall()

    def mart(self, name: str, schema: str = "tickerlake_marts") -> dict[tuple[Any, ...], dict[str, Any]]:
        """A mart by its key (symbol, bar_interval, source, bar_start_at), without batch_id; keys must be unique."""
        connection = lakes.connect(self.folder, lakes.CATALOG)
        with closing(connection):
            relation = connection.sql(f"select * exclude (batch_id) from lake.{schema}.{name}")
            rows = [dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()]
        by_key = {(r["symbol"], r["bar_interval"], r["source"], r["bar_start_at"]): r for r in rows}
        assert len(by_key) == len(rows), f"{name} has {len(rows)} rows but {len(by_key)} keys"
        return by_key

    def refreshed(self) -> "Lake":
        """A second lake beside this one, built in full from the same raw zone."""
        other = replace(self, folder=self.folder.parent / f"{self.folder.name}_refreshed")
        other.folder.mkdir(parents=True)
        (other.folder / "raw").symlink_to(self.folder / "raw")
        other.run()
        os.environ["TICKERLAKE_LAKE"] = str(self.folder)
        return other

    @staticmethod
    def _all_good(result: CommandResult) -> list[NodeResult]:
        bad = [f"{node.name}: {node.message}" for node in result.nodes if node.status not in GOOD]
        assert result.is_success and not bad, "\n".join([*bad, *result.errors])
        return result.nodes


def assert_equal_marts(left: Lake, right: Lake, marts: Mapping[str, Sequence[str]] | None = None) -> None:
    """Assert that two lakes' marts (those given with their keys, else all that are stored) are equal.

    Doubles agree to 1e-12 of the greater of both and the close; everything else is equal exactly. batch_id is apart.
    """
    with closing(duckdb.connect(config={"extension_directory": str(lakes.extensions())})) as connection:
        for lake, name in ((left, "ours"), (right, "theirs")):
            for statement in lakes.attach_statements(lake.folder, lakes.CATALOG, name):
                connection.execute(statement)
        tables = "select table_schema || '.' || table_name from information_schema.tables where table_catalog = ?"
        built = {row[0] for name in ("ours", "theirs") for row in connection.execute(tables, [name]).fetchall()}
        for mart, key in (marts or public_marts(left.project, views=False)).items():
            if mart in built:  # neither lake has the daily marts where nothing daily has landed
                _assert_equal(connection, mart, key)


def _assert_equal(connection: duckdb.DuckDBPyConnection, mart: str, key: Sequence[str]) -> None:
    for name in ("ours", "theirs"):
        rows, keys = connection.sql(
            f"select count(*), count(distinct ({', '.join(key)})) from {name}.{mart}"
        ).fetchall()[0]
        assert rows == keys, f"{mart}: {rows} rows but {keys} keys in {name}"
    table = connection.sql(f"select * from ours.{mart}")
    types = dict(zip(table.columns, map(str, table.types), strict=True))
    close = "abs(ours.close)" if "close" in types else "1"
    compared = [column for column in types if column not in (*key, "batch_id")]
    differs = {
        column: f"ours.{column} is distinct from theirs.{column}"
        + (
            f" and not coalesce(abs(ours.{column} - theirs.{column}) <= "
            f"1e-12 * greatest(abs(ours.{column}), abs(theirs.{column}), {close}), false)"
            if types[column] == "DOUBLE"
            else ""
        )
        for column in compared
    }
    same_key = " and ".join(f"ours.{column} = theirs.{column}" for column in key)
    is_alone = f"ours.{key[0]} is null or theirs.{key[0]} is null"
    different = connection.sql(
        f"select ours, theirs, {', '.join(f'({test}) as {column}' for column, test in differs.items())} "
        f"from ours.{mart} as ours full join theirs.{mart} as theirs on {same_key} "
        f"where {' or '.join((is_alone, *(f'({test})' for test in differs.values())))} order by 1, 2"
    )
    rows_apart = different.fetchall()
    columns = (
        [column for column, is_different in zip(compared, rows_apart[0][2:], strict=True) if is_different]
        if rows_apart
        else []
    )
    assert not rows_apart, (
        f"{mart}: {len(rows_apart)} rows differ, the first in {columns}: {rows_apart[0][0]} and {rows_apart[0][1]}"
    )


def bar(
    symbol: str = "TSLA", minute: str = "2026-03-02T15:00:00Z", close: str = "100", **fields: Any
) -> dict[str, Any]:
    """One valid record of raw/bars; `fields` replace or add to it."""
    record: dict[str, Any] = {
        "schema_version": 1,
        "source": "simulated",
        "symbol": symbol,
        "bar_interval": "1min",
        "bar_start": minute,
        "vendor_label": minute,
        "open": close,
        "high": close,
        "low": close,
        "close": close,
        "volume": "1000",
        "price_basis": "raw",
        "currency": "USD",
        "is_final": True,
        "received_at": "2026-03-03T00:00:00.000Z",
        "run_id": "01J00000000000000000000001",
        "line_number": 1,
        "payload_sha256": "",
    }
    return record | fields

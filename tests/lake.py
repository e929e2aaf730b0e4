"""A lake under test: land lines, run dbt in this process, read tables."""

import atexit
import gzip
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from pipeline import lake as lakes
from pipeline.dbt import Dbt, NodeResult

MARTS = ("fct_bar", "fct_price_change", "fct_moving_average", "fct_volume_spike", "fct_technical_indicator")
RESAMPLED = ("--vars", "{resample_minutes: [5]}")
GOOD = {"success", "pass", "warn", "no-op"}


@cache
def dbt(project: Path = lakes.PROJECT, options: tuple[str, ...] = ()) -> Dbt:
    """A project's dbt (ours, unless a test has changed a copy), its manifest parsed once for all tests."""
    os.environ["TICKERLAKE_EXTENSIONS"] = str(lakes.extensions())
    target = tempfile.mkdtemp(prefix="tickerlake_target_")
    atexit.register(shutil.rmtree, target, ignore_errors=True)
    return Dbt("local", project, ["--target-path", target, "--no-write-json", *options])


def project_copy(folder: Path) -> Path:
    """Copy the dbt project into `folder`, for a test to change."""
    for name in ("models", "macros", "seeds", "tests/warehouse"):
        shutil.copytree(lakes.PROJECT / name, folder / name)
    for name in ("dbt_project.yml", "profiles.yml.example"):
        shutil.copy(lakes.PROJECT / name, folder / name.removesuffix(".example"))
    return folder


def without_resampling(options: tuple[str, ...]) -> tuple[str, ...]:
    """Switch resampling off where a test says nothing of it: tests count the bars that they land."""
    given = dict(zip(options[::2], options[1::2], strict=True))
    variables = {"resample_minutes": []} | yaml.safe_load(given.pop("--vars", "{}"))
    return (*(text for pair in given.items() for text in pair), "--vars", json.dumps(variables))


@cache
def seeded(project: Path) -> Path:
    """A lake that holds the project's seeds and nothing else, for tests to start from."""
    template = Lake(Path(tempfile.mkdtemp(prefix="tickerlake_seeded_")), project)
    atexit.register(shutil.rmtree, template.folder, ignore_errors=True)
    template._all_good(template.dbt("seed"))
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

    def dbt(self, *arguments: str) -> list[NodeResult]:
        """Run a dbt command here, whatever comes of it."""
        (self.folder / "warehouse").mkdir(parents=True, exist_ok=True)
        os.environ["TICKERLAKE_LAKE"] = str(self.folder)
        return dbt(self.project, without_resampling(self.options)).invoke(*arguments)

    def run(self, *arguments: str) -> list[NodeResult]:
        """Run the models, on the seeds as they are (views once, they do not change); every node must succeed."""
        if not (self.folder / lakes.CATALOG).exists():
            shutil.copytree(seeded(self.project), self.folder, dirs_exist_ok=True)
        elif not arguments:
            arguments = ("--exclude", "config.materialized:view")
        return self._all_good(self.dbt("run", *arguments))

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
        found = {(r["symbol"], r["bar_interval"], r["source"], r["bar_start_at"]): r for r in rows}
        assert len(found) == len(rows), f"{name} has {len(rows)} rows but {len(found)} keys"
        return found

    def refreshed(self) -> "Lake":
        """A second lake beside this one, built in full from the same raw zone."""
        other = replace(self, folder=self.folder.parent / f"{self.folder.name}_refreshed")
        other.folder.mkdir(parents=True)
        (other.folder / "raw").symlink_to(self.folder / "raw")
        other.run()
        os.environ["TICKERLAKE_LAKE"] = str(self.folder)
        return other

    @staticmethod
    def _all_good(results: list[NodeResult]) -> list[NodeResult]:
        bad = [f"{result.name}: {result.message}" for result in results if result.status not in GOOD]
        assert not bad, "\n".join(bad)
        return results


def assert_equal_marts(left: Lake, right: Lake, marts: Sequence[str] = MARTS) -> None:
    """Hold two lakes' marts equal by the project's rule.

    Doubles agree to 1e-12 of the greater of both and the close; everything else is equal exactly. batch_id is apart.
    """
    for mart in marts:
        ours, theirs = left.mart(mart), right.mart(mart)
        assert ours.keys() == theirs.keys(), f"{mart}: {len(ours.keys() ^ theirs.keys())} keys differ"
        for key, row in ours.items():
            for column, value in row.items():
                other = theirs[key][column]
                assert _same(value, other, float(row.get("close") or 1)), (
                    f"{mart} {key} {column}: {value!r} vs {other!r}"
                )


def _same(left: object, right: object, close: float) -> bool:
    if isinstance(left, float) and isinstance(right, float):
        return abs(left - right) <= 1e-12 * max(abs(left), abs(right), close)
    return left == right


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

"""The whole project on Athena's engine through unmodified dbt-athena, beside the same raw objects on DuckDB."""

import json
import random
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
import yaml

from benchmarks.cost.__main__ import over_budget
from loader.__main__ import main as loader
from pipeline.athena_cost import Prices, compute_bill, list_statements
from serving.contract import marts
from serving.publish import postgres
from serving.publish.athena import AthenaSource
from testkit import realdata
from testkit.athena import AthenaWarehouse
from testkit.daily import land
from testkit.lake import RESAMPLED, Lake
from testkit.recorded_days import recorded_days
from tests.aws.twins import Twins, release
from tests.parity.compare import assert_equal
from tickerlake.errors import UserError
from tickerlake.lake import PROJECT

if TYPE_CHECKING:
    from mypy_boto3_athena.type_defs import QueryExecutionTypeDef

pytestmark = pytest.mark.aws
_SEED = 20
_KILLS = 3
_OF_SEEDS = ("dim_session",)  # 21,000 rows that no delivery changes


@pytest.fixture(scope="module")
def twins(athena_warehouse: Callable[[str], AthenaWarehouse], tmp_path_factory: pytest.TempPathFactory) -> Twins:
    folder = tmp_path_factory.mktemp("twins") / "lake"
    folder.mkdir()
    return Twins(Lake(folder, options=RESAMPLED), athena_warehouse("twins"))


def test_the_first_build_gives_the_same_rows_as_duckdb(twins: Twins) -> None:
    twins.deliver()
    twins.athena.dbt("seed")
    twins.athena.dbt("run")
    twins.local.run()
    rows = assert_equal(twins.local, twins.athena)
    assert rows["fct_bar"] > 500
    assert rows["quarantined_record"] > 0
    assert contract_checks(list_statements(twins.athena.client("athena"), set())) >= 2 * len(rows)


def test_a_bound_later_than_what_must_be_written_is_refused_and_readers_stay(
    twins: Twins, monkeypatch: pytest.MonkeyPatch
) -> None:
    twins.athena.dbt("run-operation", "publish")
    before = twins.athena.query("select count(*) from published.fct_bar")
    twins.deliver()
    twins.land(twins.correction_of_the_first_bar())
    twins.athena.dbt("run", "--select", "+fct_bar")  # and the marts are left unbuilt
    monkeypatch.setenv("TICKERLAKE_MERGE_FROM", "2098-01-01")
    assert "TICKERLAKE_MERGE_FROM is 2098-01-01" in twins.athena.dbt("run", check=False)
    release(twins.athena)
    assert twins.athena.query("select count(*) from published.fct_bar") == before
    assert twins.athena.query("select count(*) from fct_bar") > before


def test_a_planned_build_heals_killed_runs_bounds_its_merges_passes_its_tests_and_publishes(twins: Twins) -> None:
    twins.deliver()
    for at in random.Random(_SEED).choices(range(5, 30), k=_KILLS):
        assert twins.athena.run_killed(at, "run"), f"dbt ended before its statement {at}"
        release(twins.athena)
    twins.deliver()
    client = twins.athena.client("athena")
    before = {statement["QueryExecutionId"] for statement in list_statements(client, set())}
    assert "published" in twins.athena.pipeline("build", "--target", "aws")
    statements = list_statements(client, before)
    assert over_statements(twins.athena, statements) == []
    assert contract_checks(statements) == 0  # nothing was made anew
    twins.local.run()
    rows = assert_equal(twins.local, twins.athena, without=_OF_SEEDS)
    assert twins.athena.query("select count(*) from published.fct_bar") == [(rows["fct_bar"],)]
    corrected = "select count(*) from fct_volume_spike where volume = 77777 and bar_interval = '1min'"
    assert twins.athena.query(corrected) == [(1,)]
    queries = [statement["Query"] for statement in statements]
    merges = [query for query in queries if re.search('merge into [^ ]*fct_bar" as', query)]
    assert len(merges) >= 2
    for merge in merges:  # of the bars, and of those made from them
        assert re.search(r"(target|kept)\.bar_date >= date '", merge), merge


def test_postgresql_is_brought_to_the_release_of_athena(
    twins: Twins, postgres_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in twins.athena.environment().items():
        monkeypatch.setenv(name, value)
    source = AthenaSource("published")
    for mart in ("fct_bar", "fct_technical_indicator", "fct_signal", "fct_gap", "dim_symbol", "dim_corporate_action"):
        sql = f"select {', '.join(marts()[mart].columns)} from {mart} order by {', '.join(marts()[mart].key)}"
        expected = [tuple(row.values()) for row in twins.athena.rows(sql, "published")]
        assert expected
        assert list(source.rows(sql)) == expected, mart
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute("drop schema if exists api cascade; drop schema if exists tickerlake cascade")
        first = {change.mart: change for change in postgres.publish(source, connection)}
        again = postgres.publish(source, connection)
        (held,) = connection.execute("select health from api.release").fetchone() or ({},)
    assert first["fct_bar"].written == twins.athena.rows("select count(*) as n from fct_bar", "published")[0]["n"]
    assert [change for change in again if change.written or change.removed] == []
    assert held["quarantined_lines"] > 0
    with pytest.raises(UserError, match=r"Athena: .*no_such"):
        list(source.rows("select 1 from no_such"))


def test_maintenance_packs_files_and_spares_what_the_release_shows(twins: Twins) -> None:
    shown = twins.athena.query("select count(*) from published.fct_bar")
    rows = twins.athena.query("select count(*) from fct_bar")
    snapshots = twins.athena.query('select count(*) from "fct_bar$snapshots"')[0][0]
    output = twins.athena.pipeline("maintain", "--target", "aws")
    assert re.search(r"fct_bar: files \d+ -> \d+, bytes \d+ -> \d+, versions \d+ -> \d+", output), output
    assert twins.athena.query('select count(*) from "fct_bar$snapshots"')[0][0] > snapshots
    assert twins.athena.query("select count(*) from published.fct_bar") == shown
    assert twins.athena.query("select count(*) from fct_bar") == rows


def test_recorded_bars_land_beside_the_simulated(twins: Twins, tmp_path: Path) -> None:
    recorded = _first_lines(realdata.path("minute/av_1min_ext_2020q4/TSLA.csv.gz"), 2500, tmp_path / "TSLA.csv")
    replay = ["replay", str(recorded), "--provider", "alphavantage_csv", "--symbol", "TSLA", "--label", "end"]
    assert loader([*replay, "--lake", str(twins.local.folder)]) == 0
    days = [line for symbol in ("MSFT", "VOO") for line in recorded_days(symbol)[-300:]]
    land(twins.local, "daily_bars", days, hour=f"{datetime.now(UTC):%Y-%m-%d %H}", name="recorded")
    assert twins.athena.upload(twins.local.folder) >= 2
    twins.local.run()
    bars = "select count(*) from fct_bar where bar_interval = '1min' and source = 'alphavantage_adjusted'"
    assert twins.local.query(bars) == [(2500,)]
    assert twins.local.query("select count(*) > 600 from fct_daily_bar") == [(True,)]  # and those of the minutes


def test_a_full_refresh_equals_the_increments(twins: Twins) -> None:
    twins.athena.dbt("run", "--full-refresh")
    assert_equal(twins.local, twins.athena)


def test_a_length_that_is_no_longer_wanted_leaves_no_row(twins: Twins) -> None:
    """The tables are replaced, and the version that the last release names can still be read."""
    minutes = "select count(*) from published.fct_bar where bar_interval = '1min'"
    twins.athena.dbt("run-operation", "publish")
    published = twins.athena.query(minutes)
    without = ("--vars", "{resample_minutes: []}")
    twins.athena.dbt("run", *without)
    replace(twins.local, options=without).run()
    rows = assert_equal(twins.local, twins.athena)
    assert twins.athena.query("select count(*) from fct_bar where bar_interval = '5min'") == [(0,)]
    assert rows["fct_bar"] > 500
    assert twins.athena.query(minutes) == published


def test_a_second_run_waits_for_the_lease(twins: Twins) -> None:
    lease = f"{twins.athena.name}_audit.run_lease"
    later = "current_timestamp + interval '1' hour"
    twins.athena.rows(f"update {lease} set holder = 'somebody', expires_at = cast({later} as timestamp(6))")
    assert "another run (somebody) holds the lease" in twins.athena.dbt("run", check=False)
    twins.athena.dbt("run-operation", "release_lease", "--args", "{holder: somebody}")
    twins.athena.dbt("run", "--select", "int_action__known")


def test_unit_tests_pass_and_freshness_asks_the_newest_arrivals_only(twins: Twins) -> None:
    twins.athena.dbt("test", "--select", "test_type:unit")
    twins.athena.dbt("source", "freshness", "--select", "source:raw")
    statements = list_statements(twins.athena.client("athena"), set())
    queries = [statement["Query"] for statement in statements if "max_loaded_at" in statement["Query"]]
    assert "where dt >=" in queries[0]


def test_an_empty_build_over_data_is_refused_and_docs_are_made(twins: Twins) -> None:
    assert "--empty and --sample would rebuild tables" in twins.athena.dbt("run", "--empty", check=False)
    twins.athena.dbt("docs", "generate")


def contract_checks(statements: "list[QueryExecutionTypeDef]") -> int:
    """How many statements ask for no row but the columns of one."""
    return sum("__dbt_sbq" in statement["Query"] for statement in statements)


def over_statements(athena: AthenaWarehouse, statements: "list[QueryExecutionTypeDef]") -> list[str]:
    """Return what a nightly run needs more statements for than budgeted; their number does not depend on the data."""
    manifest = json.loads((PROJECT / "target" / athena.name / "manifest.json").read_text())
    budget = yaml.safe_load((PROJECT / "benchmarks" / "cost" / "budget.yml").read_text())["workloads"]["append_a_day"]
    counted = {model: {"statements": of["statements"]} for model, of in budget["models"].items()}
    limits = {"statements": budget["statements"], "models": counted}
    spent = compute_bill(statements, Prices.read(), manifest)
    return over_budget({"a night": spent}, {"workloads": {"a night": limits}})


def _first_lines(recorded: Path, number: int, target: Path) -> Path:
    import gzip
    from itertools import islice

    with gzip.open(recorded, "rt") as source, target.open("w") as out:
        out.writelines(islice(source, number + 1))
    return target

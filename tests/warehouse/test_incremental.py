"""An incremental build equals a full refresh, and does no more work than what arrived asks for."""

import random
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from loader.providers.simulate import simulate
from testkit.lake import MARTS, RESAMPLED, Lake, assert_equal_marts, bar, dbt, project_copy, seeded, without_resampling
from tickerlake import lake as lakes
from tickerlake.errors import UserError


def minutes(count: int, *, start: str = "2026-03-02T14:30:00", symbol: str = "TSLA") -> list[dict[str, object]]:
    """`count` bars a minute apart, each with a price and volume of its own."""
    first = datetime.fromisoformat(start)
    return [
        bar(
            symbol,
            f"{first + timedelta(minutes=i):%Y-%m-%dT%H:%M:%SZ}",
            close=str(100 + (i * 7) % 13),
            open="100",
            high="120",
            low="100",
            received_at="2026-03-20T00:00:00.000Z",
            volume=str(1000 + (i * 31) % 97),
            line_number=i + 1,
        )
        for i in range(count)
    ]


@pytest.mark.slow  # the property test draws the same and more
@pytest.mark.parametrize("chunks", [1, 3, 10])
def test_any_chopping_and_order_gives_the_marts_of_a_full_refresh(lake: Lake, chunks: int) -> None:
    parts = simulate(["TSLA", "SCHG"], date(2024, 6, 7), days=2, seed=chunks, parts=2, faults=True)
    lines = [line for part in parts for line in part.lines]
    rng = random.Random(chunks)
    rng.shuffle(lines)
    for number in range(chunks):
        lake.land(lines[number::chunks], f"2026-03-02 {rng.randrange(4, 20):02d}", f"chunk-{number}")
        lake.run()
    assert_equal_marts(lake, lake.refreshed())
    expected = sum(part.counts["bars"] + part.counts["late"] for part in parts)
    assert len(lake.mart("fct_bar")) == expected
    refused = lake.query("select sum(occurrences) from lake.tickerlake_audit.quarantined_record")[0][0]
    assert refused == sum(part.counts["malformed"] + part.counts["impossible"] for part in parts)


def test_a_rerun_with_nothing_new_commits_nothing_to_any_mart(lake: Lake) -> None:
    lake.land([*minutes(30), b"not json"])
    lake.run()

    def commits() -> list[tuple[object, ...]]:
        return lake.query("""
            select snapshot_id from ducklake_snapshots('lake') as s, __ducklake_metadata_lake.ducklake_table as t
            inner join __ducklake_metadata_lake.ducklake_schema as n on n.schema_id = t.schema_id
            where n.schema_name in ('tickerlake_marts', 'tickerlake_audit') and t.table_name <> 'model_watermark'
                and list_contains(
                    flatten(map_values(s.changes)), cast(t.table_id as varchar)
                )
        """)

    before = commits()
    assert before, "the first run must show in the snapshots, or this test proves nothing"
    lake.run()
    assert commits() == before


@pytest.mark.slow
def test_a_correction_rewrites_only_the_rows_whose_window_holds_it(lake: Lake) -> None:
    bars = minutes(100)
    lake.land(bars)
    lake.run()
    corrected = bars[50] | {"close": "104.5", "high": "120", "volume": "77", "received_at": "2026-03-21T00:00:00.000Z"}
    lake.land([corrected], "2026-03-04 01")
    lake.run()
    latest = "batch_id = (select max(batch_id) from fct_bar)"
    written = {mart: lake.query(f"select count(*) from {mart} where {latest}")[0][0] for mart in MARTS}
    assert written == {
        "fct_bar": 1,
        "fct_price_change": 2,
        "fct_moving_average": 21,
        "fct_volume_spike": 4,
        "fct_technical_indicator": 50,  # every bar after it: the average looks back further than the series is long
    }
    assert_equal_marts(lake, lake.refreshed())


@pytest.mark.slow
def test_a_final_bar_is_never_replaced_by_a_provisional_one(lake: Lake) -> None:
    lake.land([bar(close="101", is_final=False, received_at="2026-03-02T15:00:30Z")])
    lake.run()
    lake.land([bar(close="102")], name="final")
    lake.run()
    lake.land([bar(close="103", is_final=False, received_at="2026-03-09T00:00:00Z")], "2026-03-03 01")
    lake.run()
    assert [row["close"] for row in lake.mart("fct_bar").values()] == [102]
    both = [bar("NVDA", close="7", line_number=2), bar("NVDA", close="8", is_final=False, line_number=3)]
    both[1]["received_at"] = "2026-03-09T00:00:00Z"
    lake.land(both, "2026-03-09 01")
    lake.run()
    assert lake.query("select close from fct_bar where symbol = 'NVDA'") == [(7,)], "nor when both arrive together"


@pytest.mark.slow
def test_newer_lineage_with_equal_content_keeps_the_batch(lake: Lake) -> None:
    lake.land([bar()])
    lake.run()
    batch = lake.query("select batch_id from fct_bar")[0][0]
    lake.land([bar(received_at="2026-03-05T00:00:00Z", run_id="01J00000000000000000000002")], "2026-03-05 01")
    lake.run()
    assert lake.query("select batch_id, run_id from fct_bar") == [(batch, "01J00000000000000000000002")]


@pytest.mark.slow
def test_a_value_in_the_place_of_null_is_a_change(lake: Lake) -> None:
    lake.land([bar("EURUSD", volume=None)])
    lake.run()
    lake.land([bar("EURUSD", volume="5", received_at="2026-03-05T00:00:00Z")], "2026-03-05 01")
    lake.run()
    assert lake.query("select volume from fct_volume_spike") == [(5,)]


@pytest.mark.slow
def test_a_bar_inserted_between_existing_ones_shifts_the_windows_after_it(lake: Lake) -> None:
    bars = minutes(60)
    lake.land(bars[:25] + bars[26:])
    lake.run()
    lake.land([bars[25]], "2026-03-03 20")
    lake.run()
    assert_equal_marts(lake, lake.refreshed())


@pytest.mark.slow
def test_the_first_windows_of_a_new_day_hold_bars_of_the_days_before(lake: Lake) -> None:
    for number in range(4):  # eight bars a day: a window of twenty holds bars of four days
        day = minutes(8, start=f"2026-03-0{number + 2}T14:30:00")
        lines = [line | {"line_number": 10 * number + i, "close": str(101 + number + i)} for i, line in enumerate(day)]
        lake.land(lines, f"2026-03-0{number + 2} 16")
        lake.run()
    assert lake.query("select count(sma_20) from fct_moving_average") == [(4 * 8 - 19,)]
    assert_equal_marts(lake, lake.refreshed())


@pytest.mark.slow
def test_a_series_first_bars_may_arrive_last(lake: Lake) -> None:
    bars = minutes(60)
    for number, part in enumerate((bars[40:], bars[20:40], bars[:20])):
        lake.land(part, f"2026-03-0{3 + number} 15")
        lake.run()
    assert_equal_marts(lake, lake.refreshed())


@pytest.mark.slow
def test_an_object_that_arrives_late_under_an_older_hour_is_read(lake: Lake) -> None:
    bars = minutes(40)
    lake.land(bars[20:], "2026-03-03 15")
    lake.run()
    lake.land(bars[:20], "2026-03-02 16", "late")
    lake.run()
    assert len(lake.mart("fct_bar")) == 40
    assert_equal_marts(lake, lake.refreshed())


@pytest.mark.slow
def test_what_lands_beyond_the_overlap_is_read_and_reload_from_reads_it_again(lake: Lake) -> None:
    bars = minutes(40)
    lake.land(bars[20:], "2026-03-20 15")
    lake.run()
    lake.land(bars[:20], "2026-03-02 16", "very-late")
    lake.run()
    stored = lake.mart("fct_bar")
    assert len(stored) == 40
    again = replace(lake, options=("--vars", "{reload_from: '2026-03-02 00'}"))
    again.run()
    assert lake.mart("fct_bar") == stored
    assert_equal_marts(lake, lake.refreshed())


@pytest.mark.slow
def test_partial_selections_heal(lake: Lake) -> None:
    bars = minutes(60)
    lake.land(bars[:30])
    lake.run()
    lake.land(bars[30:50], "2026-03-03 15")
    lake.run("--select", "int_line__validated", "fct_bar")
    lake.run("--select", "fct_price_change")
    lake.land(bars[50:], "2026-03-04 15")
    lake.run("--select", "int_line__validated")
    lake.run()
    assert_equal_marts(lake, lake.refreshed())


@pytest.mark.slow
def test_a_dropped_mart_is_built_again_whole(lake: Lake) -> None:
    lake.land(minutes(30))
    lake.run()
    _execute(lake, "drop table lake.tickerlake_marts.fct_price_change")
    lake.land(minutes(1, start="2026-03-03T14:30:00"), "2026-03-03 15")
    lake.run()
    assert_equal_marts(lake, lake.refreshed())


@pytest.mark.slow
def test_full_refresh_of_a_part_gives_the_same_rows(lake: Lake) -> None:
    lake.land(minutes(30))
    lake.run()
    lake.land(minutes(30, start="2026-03-03T14:30:00"), "2026-03-03 15")
    lake.run("--full-refresh", "--select", "fct_moving_average")
    lake.run()
    assert_equal_marts(lake, lake.refreshed())
    with_raw = lake.dbt("run", "--full-refresh", "--select", "int_line__validated", "fct_bar")
    assert {result.status for result in with_raw} == {"success"}
    lake.run()
    assert_equal_marts(lake, Lake(lake.folder.parent / "lake_refreshed"))


@pytest.mark.slow
def test_full_refresh_of_bars_without_their_arrivals_is_refused(lake: Lake) -> None:
    lake.land(minutes(3))
    lake.run()
    with pytest.raises(UserError, match="int_line__validated must run with it"):
        lake.dbt("run", "--full-refresh", "--select", "fct_bar")


@pytest.mark.slow
def test_full_refresh_is_refused_when_raw_begins_later_than_the_bars(lake: Lake) -> None:
    old = lake.land(minutes(3), "2026-03-02 15")
    lake.land(minutes(3, start="2026-03-05T14:30:00"), "2026-03-05 15")
    lake.run()
    old.unlink()
    with pytest.raises(UserError, match="raw begins on 2026-03-05 but fct_bar holds bars that arrived on 2026-03-02"):
        lake.dbt("run", "--full-refresh")
    assert len(lake.mart("fct_bar")) == 6


@pytest.mark.slow
def test_two_intervals_and_two_sources_are_series_of_their_own(lake: Lake) -> None:
    first = minutes(30)
    five = [record | {"bar_interval": "5min", "line_number": 100 + i} for i, record in enumerate(minutes(30)[::5])]
    other = [record | {"source": "yahoo", "close": "111", "line_number": 200 + i} for i, record in enumerate(first)]
    for number, part in enumerate((first[:10] + five, other, first[10:])):
        lake.land(part, f"2026-03-0{3 + number} 15")
        lake.run()
    assert len(lake.mart("fct_bar")) == 66
    assert lake.query("select count(*) from fct_price_change where previous_close is null") == [(3,)]
    assert_equal_marts(lake, lake.refreshed())


@pytest.mark.slow
def test_a_split_learned_late_restates_from_its_date_on(lake: Lake, tmp_path: Path) -> None:
    ours = replace(lake, project=project_copy(tmp_path / "project"), options=RESAMPLED)
    days = [minutes(15, start=f"2026-03-0{day}T14:30:00") for day in (2, 3, 4, 5)]
    for number, lines in enumerate(days):
        ours.land(
            [line | {"line_number": number * 100 + i} for i, line in enumerate(lines)], f"2026-03-0{number + 2} 16"
        )
    ours.run()
    seed = ours.project / "seeds" / "split.csv"
    before = seed.read_text()
    seed.write_text(before + "TSLA,2026-03-03,2,1\n")
    _forget_manifests()
    ours.dbt("seed")
    ours.run()
    assert ours.query("""
        select bar_date, min(split_factor), dense_rank() over (order by max(batch_id))
        from fct_bar group by 1 order by 1
    """) == [
        (date(2026, 3, 2), 15, 1),
        (date(2026, 3, 3), 30, 2),
        (date(2026, 3, 4), 30, 2),
        (date(2026, 3, 5), 30, 2),
    ]
    assert_equal_marts(ours, _refreshed_with_seeds(ours, "learned"))
    seed.write_text(before)
    _forget_manifests()
    ours.dbt("seed")
    ours.run()
    assert ours.query("select count(distinct split_factor) from fct_bar") == [(1,)]
    assert_equal_marts(ours, _refreshed_with_seeds(ours, "withdrawn"))


@pytest.mark.slow
def test_an_alias_added_later_readmits_the_lines_it_names(lake: Lake, tmp_path: Path) -> None:
    ours = replace(lake, project=project_copy(tmp_path / "project"))
    ours.land([bar("BRK B"), bar("TSLA", line_number=2)], "2026-03-02 15")
    ours.run()
    ours.land([bar("TSLA", "2026-03-10T15:00:00Z", line_number=3, received_at="2026-03-11T00:00:00Z")], "2026-03-10 15")
    ours.run()
    assert ours.query("select reasons from lake.tickerlake_audit.quarantined_record") == [("symbol_malformed",)]
    with (ours.project / "seeds" / "symbol_alias.csv").open("a") as file:
        file.write("BRK B,BRK.B\n")
    _forget_manifests()
    results = ours.dbt("build", "--exclude-resource-type", "unit_test")
    assert not [result for result in results if result.status in ("error", "fail")]
    assert ours.query("select count(*) from lake.tickerlake_audit.quarantined_record") == [(0,)]
    assert sorted(key[0] for key in ours.mart("fct_bar")) == ["BRK.B", "TSLA", "TSLA"]


@pytest.mark.slow
def test_a_changed_threshold_restates_the_rows_it_decides(lake: Lake, capfd: pytest.CaptureFixture[str]) -> None:
    lake.land(minutes(30))
    lake.run()
    assert (
        "plan: batch 2, raw from the beginning, 0 models incremental, 12 full (first build)" in capfd.readouterr().out
    )
    lenient = replace(lake, options=("--vars", "{anomaly_pct: 100}"))
    before = lake.query("select count(*) from fct_price_change where is_anomaly")
    lenient.run()
    assert "11 models incremental, 1 full (fct_price_change: var anomaly_pct changed)" in capfd.readouterr().out
    assert before > lake.query("select count(*) from fct_price_change where is_anomaly") == [(0,)]
    assert lake.query(
        "select count(*) from fct_moving_average where batch_id > (select max(batch_id) from fct_bar)"
    ) == [(0,)]
    assert_equal_marts(lenient, lenient.refreshed())


@pytest.mark.slow
def test_records_of_an_older_version_lead_to_a_full_restatement(lake: Lake, capfd: pytest.CaptureFixture[str]) -> None:
    """One hash of everything that a model depends on: they do not name what has changed."""
    lake.land(minutes(30))
    lake.run()
    _execute(
        lake,
        "update lake.tickerlake_audit.model_watermark set fingerprint = md5(fingerprint) where model not like 'seed.%'",
    )
    lake.land(minutes(1, start="2026-03-03T14:30:00"), "2026-03-03 15")
    lake.run()
    assert (
        "raw from the beginning, 0 models incremental, 12 full (recorded by an older version)" in capfd.readouterr().out
    )
    assert_equal_marts(lake, lake.refreshed())


@pytest.mark.slow
@pytest.mark.parametrize("command", [["compile"], ["docs", "generate"]])
def test_commands_that_build_nothing_leave_the_records_alone(lake: Lake, command: list[str]) -> None:
    lake.land(minutes(30))
    lake.run()
    records = "select * from lake.tickerlake_audit.model_watermark order by all"
    before = lake.query(records)
    lake.dbt(*command)
    assert lake.query(records) == before


@pytest.mark.slow
@pytest.mark.parametrize("flag", ["--empty", "--sample=3 days"])
def test_empty_and_sampled_builds_are_refused_where_data_is(lake: Lake, flag: str) -> None:
    lake.land(minutes(30))
    lake.run()
    before = lake.query("select * from lake.tickerlake_audit.model_watermark order by all")
    with pytest.raises(UserError, match="use another --target or schema"):
        lake.dbt("build", *flag.split("="))
    assert lake.query("select * from lake.tickerlake_audit.model_watermark order by all") == before
    assert len(lake.mart("fct_bar")) == 30


@pytest.mark.slow
def test_the_plan_looks_back_to_the_bars_that_no_release_shows(lake: Lake) -> None:
    """What a gate held back is tested again, however long ago it was built."""
    of_tickerlake = dbt(lake.project, without_resampling(lake.options))

    def build(day: str, *, publishes: bool) -> str:
        lake.land([bar(minute=f"{day}T15:00:00Z", received_at=f"{day}T15:02:00.000Z", run_id=day)], f"{day} 15")
        assert {result.status for result in lake.dbt("run")} == {"success"}
        if publishes:
            of_tickerlake.run_operation("publish")
        return "merge_from=" + of_tickerlake.read_value("compute_merge_floor", "merge_from")

    lake.dbt("seed")
    assert build("2026-03-02", publishes=True) == "merge_from=2026-03-01"  # a day before what arrived last
    assert build("2026-03-04", publishes=False) == "merge_from=2026-03-03"
    assert build("2026-04-06", publishes=False) == "merge_from=2026-03-04"
    assert build("2026-05-04", publishes=True) == "merge_from=2026-05-03"


def _forget_manifests() -> None:
    """Read the project's files again: a test has changed them."""
    dbt.cache_clear()
    seeded.cache_clear()


def _execute(lake: Lake, statement: str) -> None:
    with duckdb.connect(config={"extension_directory": str(lakes.extensions())}) as writer:
        writer.execute("load ducklake")
        writer.execute(
            f"attach 'ducklake:{lake.folder}/catalog.ducklake' as lake "
            f"(data_path '{lake.folder}/warehouse/', override_data_path true)"
        )
        writer.execute(statement)


def _refreshed_with_seeds(lake: Lake, name: str) -> Lake:
    other = replace(lake, folder=lake.folder.parent / name)
    other.folder.mkdir()
    (other.folder / "raw").symlink_to(lake.folder / "raw")
    other.run()
    return other


@pytest.mark.slow
def test_records_hold_no_null_texts(lake: Lake) -> None:
    """max_by skips NULLs on DuckDB and returns them on Trino: a NULL mark lost data after a killed full refresh."""
    lake.land(minutes(3))
    lake.run("--full-refresh")
    nulls = (
        "select count(*) from lake.tickerlake_audit.model_watermark where arrival_until is null or fingerprint is null"
    )
    assert lake.query(nulls) == [(0,)]

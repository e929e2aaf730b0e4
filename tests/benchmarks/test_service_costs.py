"""The month's cost model against sums done by hand."""

from dataclasses import replace

import pytest

from benchmarks.cost.services import Usage, lines, on_athena, read_prices, step_functions, table

PRICES, FREE = read_prices()
USAGE = Usage(
    sessions=20,
    loader_runs_a_session=498,
    loader_seconds=8.0,
    loader_gb=0.25,
    loader_puts=10,
    loader_gets=50,
    records_a_run=4,
    buffer_seconds=900,
    datasets_live=2,
    log_bytes_a_run=1_000,
    source_metrics=12,
    job_metrics=3,
    intraday_runs=100,
    intraday_minutes=5,
    nightly_runs=20,
    nightly_minutes=15,
    statements=10_000,
    puts_a_statement=2,
    gets_a_statement=25,
    glue_calls_a_statement=6.9,
    job_log_bytes=500_000,
    raw_and_tables_gb=2.0,
    alarm_metrics=15,
    athena_dollars=0.5,
)


def test_without_anything_free() -> None:
    """10,000 starts: 20 sessions of 498 + 2."""
    dollars = lines(USAGE, PRICES, {})
    by_hand = {
        "loader (Lambda)": 20_000 * 0.0000133334 + 10_000 * 0.0000002,  # 10,000 x 8 s x 0.25 GB
        "schedules": 10_120 * 0.000001,
        "streams (Firehose)": 0.2048 * 0.029,  # 40,000 records of 5,120 bytes
        "streams (Kinesis)": 0.0,
        "S3 requests": 121_280 * 0.000005 + 750_000 * 0.0000004,  # 100,000 + 1,280 objects + 20,000; 500,000 + 250,000
        "S3 storage": 0.046,
        "transformation job (CodeBuild)": 800 * 0.0034,
        "Athena statements": 0.5,
        "catalogue (Glue)": 69_000 * 0.000001,  # 10,000 x 6.9
        "logs": 0.07 * 0.5,  # 10 MB and 60 MB
        "metrics": 4.5,
        "alarms and dashboard": 1.5 + 3.0,
        "key (KMS)": 0.0,
        "network (NAT)": 0.0,
    }
    assert dollars == pytest.approx(by_hand)


def test_with_what_is_free() -> None:
    dollars = lines(USAGE, PRICES, FREE)
    assert dollars["loader (Lambda)"] == 0
    assert dollars["transformation job (CodeBuild)"] == pytest.approx(700 * 0.0034)
    assert dollars["metrics"] == pytest.approx(5 * 0.3)
    assert dollars["alarms and dashboard"] == pytest.approx(5 * 0.1)
    assert dollars["S3 requests"] == lines(USAGE, PRICES, {})["S3 requests"]


def test_what_dominates_where_it_is_chosen() -> None:
    chosen = lines(replace(USAGE, kinesis_shards=4, nat_gateways=1, own_keys=1), PRICES, FREE)
    assert chosen["streams (Kinesis)"] == pytest.approx(43.80)  # 4 x 730 h x 0.015
    assert chosen["network (NAT)"] == pytest.approx(32.85)
    assert chosen["key (KMS)"] == 1


def test_a_state_machine_costs_what_its_transitions_and_builds_cost() -> None:
    """120 runs: 3 transitions around one job; 7 and four more builds of two minutes for five steps."""
    assert step_functions(USAGE, PRICES) == pytest.approx(
        {"one job": 0, "a machine around one job": 0.009, "a build for each step": 0.021 + 120 * 8 * 0.0034}
    )


def test_the_least_of_a_statement_follows_from_athenas_price() -> None:
    assert PRICES["athena_statement"] == pytest.approx(10_000_000 / 2**40 * 5, rel=1e-5)


def test_the_table_sums_up() -> None:
    assert table({"a": {"x": 1.25, "y": 2.5}}).splitlines()[-1] == "| **together** | **3.75** |"


def test_athenas_share_is_what_was_measured_times_its_runs() -> None:
    results = {
        "runs_a_month": {"night": 20, "day": 100},
        "workloads": {
            name: {"total": {"statements": count, "dollars": dollars}}
            for name, count, dollars in (("night", 300, 0.01), ("day", 100, 0.004), ("first", 9, 9.0))
        },
    }
    usage = on_athena(USAGE, results)
    assert usage.statements == 16_000
    assert usage.athena_dollars == pytest.approx(0.6)

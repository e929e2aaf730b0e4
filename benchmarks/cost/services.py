"""A month of the deployment in dollars, by service: `python -m benchmarks.cost.services`.

Prices are in pipeline/prices.yml; Athena's dollars are what `make cost` measured. `Usage` says where each number
is from.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from pipeline.athena_cost import PRICE_FILE

_HERE = Path(__file__).parent
_KIB, _GB = 1024, 1_000_000_000
_HOURS_A_MONTH = 730


@dataclass(frozen=True, slots=True)
class Usage:
    """What a month uses; the defaults are ten symbols at one minute with the template's own schedules."""

    sessions: int = 21
    loader_runs_a_session: int = 480
    """Each minute from 9:00 to 16:59."""
    loader_seconds: float = 6.0
    """Taken: ten requests at two a second, the vendor's limit, and a second of work (two measured for a whole day)."""
    loader_gb: float = 0.25
    loader_puts: int = 13
    """Counted on the emulated S3, ten symbols: lease, quota and progress."""
    loader_gets: int = 15
    records_a_run: int = 2
    """Firehose records of a run: its bars and its ledger line, each billed as 5 KB."""
    buffer_seconds: int = 300
    datasets_live: int = 2
    log_bytes_a_run: int = 1_000
    source_metrics: int = 8
    """Metrics of the loader (four counts, two outcomes, latency, age)."""
    job_metrics: int = 2
    """quarantined_pct and job_seconds."""
    intraday_runs: int = 147
    intraday_minutes: int = 5
    """Taken: a minute of start and installing, then some 100 statements at two seconds each."""
    nightly_runs: int = 21
    nightly_minutes: int = 10
    """Taken as intraday_minutes, with some 300 statements."""
    statements: int = 0
    """Of Athena; `on_athena` fills it, and athena_dollars, from results/cost.json."""
    puts_a_statement: float = 4.4
    """Counted, PUT and LIST of an intraday run: results, data files, listings of the raw zone's days."""
    gets_a_statement: float = 2.0
    """Counted, GET and HEAD of an intraday run, on Trino, which keeps table metadata in memory."""
    glue_calls_a_statement: float = 6.9
    """Counted, of an intraday run."""
    job_log_bytes: int = 20_000
    raw_and_tables_gb: float = 0.5
    """Two months of raw and marts at 22 MB a month, their versions, and results of two weeks."""
    alarm_metrics: int = 11
    """Nine alarms; the two that look at market hours count two metrics each."""
    dashboards: int = 1
    athena_dollars: float = 0.0
    """Every statement at 10 MB at least; `on_athena` fills it."""
    kinesis_shards: int = 0
    own_keys: int = 0
    nat_gateways: int = 0

    @property
    def loader_runs(self) -> int:
        """Starts of the minute loader and of the two daily ones."""
        return self.sessions * (self.loader_runs_a_session + 2)


def lines(usage: Usage, prices: Mapping[str, float], free: Mapping[str, float]) -> dict[str, float]:
    """Return dollars a month by service, less the `free` tiers of an account; pass {} to ignore those."""

    def beyond(amount: float, name: str) -> float:
        return max(0.0, amount - free.get(name, 0))

    runs, job_runs = usage.loader_runs, usage.intraday_runs + usage.nightly_runs
    objects = usage.sessions * 8 * 3600 / usage.buffer_seconds * usage.datasets_live
    job_minutes = usage.intraday_runs * usage.intraday_minutes + usage.nightly_runs * usage.nightly_minutes
    puts = runs * usage.loader_puts + objects + usage.statements * usage.puts_a_statement
    gets = runs * usage.loader_gets + usage.statements * usage.gets_a_statement
    logged = (runs * usage.log_bytes_a_run + job_runs * usage.job_log_bytes) / _GB
    return {
        "loader (Lambda)": beyond(runs * usage.loader_seconds * usage.loader_gb, "lambda_gb_seconds")
        * prices["lambda_gb_second_arm"]
        + beyond(runs, "lambda_requests") * prices["lambda_request"],
        "schedules": beyond(runs + job_runs, "scheduler_starts") * prices["scheduler_start"],
        "streams (Firehose)": runs * usage.records_a_run * 5 * _KIB / _GB * prices["firehose_gb"],
        "streams (Kinesis)": usage.kinesis_shards * _HOURS_A_MONTH * prices["kinesis_shard_hour"],
        "S3 requests": puts * prices["s3_put_or_list"] + gets * prices["s3_get"],
        "S3 storage": usage.raw_and_tables_gb * prices["s3_gb_month"],
        "transformation job (CodeBuild)": beyond(job_minutes, "codebuild_minutes")
        * prices["codebuild_minute_arm_small"],
        "Athena statements": usage.athena_dollars,
        "catalogue (Glue)": beyond(usage.statements * usage.glue_calls_a_statement, "glue_requests")
        * prices["glue_request"],
        "logs": beyond(logged, "logs_gb") * prices["logs_gb"],
        "metrics": beyond(usage.source_metrics + usage.job_metrics, "metrics") * prices["metric_month"],
        "alarms and dashboard": beyond(usage.alarm_metrics, "alarm_metrics") * prices["alarm_metric_month"]
        + beyond(usage.dashboards, "dashboards") * prices["dashboard_month"],
        "key (KMS)": usage.own_keys * prices["kms_key_month"],
        "network (NAT)": usage.nat_gateways * _HOURS_A_MONTH * prices["nat_gateway_hour"],
    }


def step_functions(
    usage: Usage, prices: Mapping[str, float], steps: int = 5, start_minutes: int = 2
) -> dict[str, float]:
    """Return what a state machine adds to the one job, by its design; each build takes `start_minutes` to start.

    `around one job` is a machine that starts the whole job and reports its end; `a build for each step` starts
    CodeBuild for every step, whose minutes are billed from its start.
    """
    runs = usage.intraday_runs + usage.nightly_runs
    transition, minute = prices["step_functions_transition"], prices["codebuild_minute_arm_small"]
    return {
        "one job": 0.0,
        "a machine around one job": runs * 3 * transition,
        "a build for each step": runs * (steps + 2) * transition + runs * (steps - 1) * start_minutes * minute,
    }


def on_athena(usage: Usage, results: Mapping[str, Any]) -> Usage:
    """Return the usage with the statements and dollars of Athena by `make cost` and its runs a month."""
    runs, totals = results["runs_a_month"], {name: workload["total"] for name, workload in results["workloads"].items()}
    return replace(
        usage,
        statements=sum(count * totals[name]["statements"] for name, count in runs.items()),
        athena_dollars=sum(count * totals[name]["dollars"] for name, count in runs.items()),
    )


def read_prices() -> tuple[dict[str, float], dict[str, float]]:
    """Read the services' prices and what is free of them."""
    prices = yaml.safe_load(PRICE_FILE.read_text())
    return prices["services"], prices["free"]


def table(columns: Mapping[str, Mapping[str, float]]) -> str:
    """Set columns of dollars as a Markdown table with their sums."""
    names = list(next(iter(columns.values())))
    rows = [[name, *(f"{column[name]:.2f}" for column in columns.values())] for name in names]
    rows.append(["**together**", *(f"**{sum(column.values()):.2f}**" for column in columns.values())])
    head = ["dollars a month", *columns]
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *rows])


def main() -> None:
    """Print the month's table, and the ways to run the transformation."""
    prices, free = read_prices()
    results = json.loads((_HERE.parent / "results" / "cost.json").read_text())
    usage = on_athena(Usage(), results)
    nights = {**results, "runs_a_month": {**results["runs_a_month"], "append_intraday": 0}}
    lean = replace(
        on_athena(usage, nights), loader_runs_a_session=16, records_a_run=70, loader_seconds=8.0, intraday_runs=0
    )
    print(
        table(
            {
                "with the free tier": lines(usage, prices, free),
                "without it": lines(usage, prices, {}),
                "half-hourly loads, nightly builds": lines(lean, prices, free),
                "a shard before each stream": lines(replace(usage, kinesis_shards=4), prices, free),
                "in a VPC, with a key": lines(replace(usage, nat_gateways=1, own_keys=1), prices, free),
            }
        )
    )
    for name, dollars in step_functions(usage, prices).items():
        print(f"{name}: + {dollars:.2f}")


if __name__ == "__main__":
    main()

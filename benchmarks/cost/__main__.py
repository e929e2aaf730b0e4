"""`python -m benchmarks.cost`: run the workloads on a local AWS, price them, hold them to the budget."""

import argparse
import json
import sys
import tempfile
from collections.abc import Collection
from pathlib import Path
from typing import Any

import yaml

from benchmarks.cost.workloads import Warehouse
from local_aws.testing import local_aws
from pipeline.athena_cost import Bill, Cost, Prices, compute_bill, list_statements
from testkit.athena import RESULTS, WAREHOUSE, AthenaWarehouse
from tickerlake.lake import PROJECT

BUDGET = Path(__file__).parent / "budget.yml"
RESULT = PROJECT / "benchmarks" / "results" / "cost.json"
SCHEDULE = {
    "append_a_day": 21,
    "append_intraday": 21 * 7,
    "correct_last_month": 2,
    "read_one_symbols_year": 200,
    "maintain": 4,
}
"""Runs a month: each session a nightly run and seven before it, ten reads; two corrections; weekly maintenance."""


def main(arguments: list[str] | None = None) -> int:
    """Print the cost of each workload. Returns 1 when one exceeds its budget."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cost", description=__doc__)
    parser.add_argument("--sessions", type=int, default=20, help="sessions of history (default: 20, the budget's)")
    parser.add_argument("--symbols", default="", help="comma-separated (default: the ten of the project)")
    parser.add_argument("--save", action="store_true", help=f"write {RESULT.name}")
    options = parser.parse_args(arguments)
    prices = Prices.read()
    with local_aws(options=["--bucket", RESULTS, "--bucket", WAREHOUSE, "--heap", "3g"]) as aws:
        athena = AthenaWarehouse("cost", aws.environment)
        bills = measure(athena, options.sessions, options.symbols)
    for name, of in bills.items():
        print(_table(name, of, prices))
    print(_month(bills, prices))
    if options.save:
        RESULT.write_text(json.dumps(as_data(bills, prices, options.sessions), indent=1) + "\n")
    problems = over_budget(bills, yaml.safe_load(BUDGET.read_text()))
    for problem in problems:
        print(f"OVER BUDGET {problem}", file=sys.stderr)
    return 1 if problems else 0


def measure(athena: AthenaWarehouse, sessions: int, symbols: str = "", only: Collection[str] = ()) -> dict[str, Bill]:
    """Run the workloads (or `only` some, after the first build) on an empty warehouse; return the bill of each."""
    prices, bills, client, seen = Prices.read(), {}, athena.client("athena"), set[str]()
    athena.prepare()
    with tempfile.TemporaryDirectory() as folder:
        for name, workload in Warehouse(athena, Path(folder), sessions, symbols).workloads.items():
            if only and name not in (*only, "first_build"):
                continue
            workload()
            statements = list_statements(client, seen)
            seen |= {statement["QueryExecutionId"] for statement in statements}
            bills[name] = compute_bill(statements, prices, _manifest(athena.name))
            print(f"{name}: {bills[name].total.statements} statements", file=sys.stderr, flush=True)
    return bills


def as_data(bills: dict[str, Bill], prices: Prices, sessions: int) -> dict[str, Any]:
    """The bills as JSON data: workload, then model, then statements, bytes and dollars."""

    def row(cost: Cost) -> dict[str, float]:
        dollars = round(prices.dollars(cost.billed), 6)
        return {"statements": cost.statements, "scanned": cost.scanned, "billed": cost.billed, "dollars": dollars}

    month = {name: round(prices.dollars(bills[name].total.billed * runs), 4) for name, runs in SCHEDULE.items()}
    return {
        "sessions_of_history": sessions,
        "prices_of": prices.as_of,
        "runs_a_month": SCHEDULE,
        "dollars_a_month": month,
        "workloads": {
            name: {
                "total": row(of.total),
                "tests": row(sum(of.tests.values(), Cost())),
                "models": {model: row(cost) for model, cost in sorted(of.models.items())},
            }
            for name, of in bills.items()
        },
    }


def over_budget(bills: dict[str, Bill], budget: dict[str, Any]) -> list[str]:
    """Return one message for each workload and model over budget.yml."""
    problems = []
    for workload, limits in budget["workloads"].items():
        if not (spent := bills.get(workload)):
            continue
        problems += _beyond(workload, spent.total, limits)
        for model, of_model in (limits.get("models") or {}).items():
            problems += _beyond(f"{workload} {model}", spent.models.get(model, Cost()), of_model)
    return problems


def _beyond(name: str, cost: Cost, limits: dict[str, Any]) -> list[str]:
    spent = {"statements": cost.statements, "scanned_kb": cost.scanned / 1e3, "billed_mb": cost.billed / 1e6}
    return [
        f"{name}: {spent[what]:,.0f} {what}, the budget is {limits[what]:,}"
        for what in spent
        if what in limits and spent[what] > limits[what]
    ]


def _table(name: str, of: Bill, prices: Prices) -> str:
    lines = [f"\n{name}", f"  {'':32}{'statements':>12}{'scanned kB':>12}{'billed MB':>12}{'dollars':>12}"]
    tests = sum(of.tests.values(), Cost())
    entries = [*sorted(of.models.items(), key=lambda item: -item[1].billed), ("(tests)", tests), ("total", of.total)]
    for label, cost in entries:
        dollars = prices.dollars(cost.billed)
        numbers = f"{cost.statements:>12,}{cost.scanned / 1e3:>12,.1f}{cost.billed / 1e6:>12,.0f}{dollars:>12.5f}"
        lines.append(f"  {label:32}{numbers}")
    return "\n".join(lines)


def _month(bills: dict[str, Bill], prices: Prices) -> str:
    parts = [
        f"{runs} x {name} {prices.dollars(bills[name].total.billed * runs):.2f}" for name, runs in SCHEDULE.items()
    ]
    total = sum(prices.dollars(bills[name].total.billed * runs) for name, runs in SCHEDULE.items())
    return f"\nA month: {' + '.join(parts)} = {total:.2f} dollars (prices of {prices.as_of})"


def _manifest(name: str) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((PROJECT / "target" / name / "manifest.json").read_text())
    return manifest


if __name__ == "__main__":
    sys.exit(main())

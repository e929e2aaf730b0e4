"""`python -m benchmarks.cost`: run the workloads on a local AWS, price them, hold them to the budget."""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

from benchmarks.cost.ledger import Bill, Cost, Prices, bill, executions
from benchmarks.cost.workloads import Warehouse
from local_aws.testing import local_aws
from pipeline.lake import PROJECT
from tests.athena import RESULTS, WAREHOUSE, AthenaWarehouse

_HERE = Path(__file__).parent
_RUNS_A_MONTH = {"append_a_day": 21, "correct_last_month": 2}


def main(arguments: list[str] | None = None) -> int:
    """Print the cost of each workload. Returns 1 when one exceeds its budget."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cost", description=__doc__)
    parser.add_argument("--name", default="cost", help="schema prefix of the warehouse")
    parser.add_argument("--sessions", type=int, default=20, help="sessions of history (default: 20, the budget's)")
    parser.add_argument("--without-tests", action="store_true", help="build without the data tests, for a quick look")
    options = parser.parse_args(arguments)
    prices = Prices.read(_HERE / "prices.yml")
    bills: dict[str, Bill] = {}
    with (
        local_aws(options=["--bucket", RESULTS, "--bucket", WAREHOUSE, "--heap", "3g"]) as aws,
        tempfile.TemporaryDirectory() as folder,
    ):
        athena = AthenaWarehouse(options.name, aws.environment)
        athena.prepare()
        warehouse = Warehouse(athena, Path(folder), with_tests=not options.without_tests, sessions=options.sessions)
        client, seen = athena.client("athena"), set[str]()
        for name, workload in warehouse.workloads.items():
            workload()
            found = executions(client, seen)
            seen |= {statement["QueryExecutionId"] for statement in found}
            bills[name] = bill(found, prices, _manifest(options.name))
            print(_table(name, bills[name], prices), flush=True)
    print(_month(bills, prices))
    problems = over_budget(bills, yaml.safe_load((_HERE / "budget.yml").read_text()))
    for problem in problems:
        print(f"OVER BUDGET {problem}", file=sys.stderr)
    return 1 if problems else 0


def over_budget(bills: dict[str, Bill], budget: dict[str, Any]) -> list[str]:
    """Every workload and model that takes more than budget.yml allows, in words."""
    found = []
    for workload, limits in budget["workloads"].items():
        spent = bills[workload]
        found += _beyond(workload, spent.total, limits)
        for model, of_model in (limits.get("models") or {}).items():
            found += _beyond(f"{workload} {model}", spent.models.get(model, Cost()), of_model)
    return found


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
        f"{runs} x {name} {prices.dollars(bills[name].total.billed * runs):.2f}" for name, runs in _RUNS_A_MONTH.items()
    ]
    total = sum(prices.dollars(bills[name].total.billed * runs) for name, runs in _RUNS_A_MONTH.items())
    return f"\nA month: {' + '.join(parts)} = {total:.2f} dollars (prices of {prices.as_of})"


def _manifest(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((PROJECT / "target" / name / "manifest.json").read_text())
    return found


if __name__ == "__main__":
    sys.exit(main())

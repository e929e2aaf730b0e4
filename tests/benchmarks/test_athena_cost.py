"""Statements are priced as Athena bills them, and put under the right model."""

import json
from typing import Any

import pytest
import yaml

from benchmarks.cost.__main__ import BUDGET, RESULT, over_budget
from pipeline.athena_cost import HOOKS, Bill, Cost, Prices, compute_bill

PRICES = Prices.read()
MANIFEST = {
    "nodes": {
        "model.p.fct_bar": {"name": "fct_bar", "resource_type": "model"},
        "test.p.unique_bar.1": {
            "name": "unique_bar",
            "resource_type": "test",
            "attached_node": "model.p.fct_bar",
            "depends_on": {"nodes": ["model.p.other", "model.p.fct_bar"]},
        },
        "test.p.singular": {"name": "singular", "resource_type": "test", "depends_on": {"nodes": ["model.p.fct_bar"]}},
    }
}


def statement(sql: str, scanned: int = 1, kind: str = "SELECT", state: str = "SUCCEEDED", node: str = "") -> Any:
    comment = f'-- /* {{"app": "dbt", "node_id": "{node}"}} */\n' if node else ""
    return {
        "Query": comment + sql,
        "SubstatementType": kind,
        "Status": {"State": state},
        "Statistics": {"DataScannedInBytes": scanned},
    }


@pytest.mark.parametrize(
    ("kind", "state", "scanned", "billed"),
    [
        ("SELECT", "SUCCEEDED", 0, 10_000_000),
        ("SELECT", "SUCCEEDED", 10_000_001, 11_000_000),
        ("MERGE", "SUCCEEDED", 25_000_000, 25_000_000),
        ("CREATE_TABLE_AS_SELECT", "SUCCEEDED", 5, 10_000_000),
        ("SELECT", "CANCELLED", 20_000_000, 20_000_000),
        ("SELECT", "FAILED", 20_000_000, 0),
        ("ALTER_TABLE", "SUCCEEDED", 0, 0),
        ("CREATE_VIEW", "SUCCEEDED", 0, 0),
    ],
)
def test_a_statement_is_billed_by_its_type_state_and_bytes(kind: str, state: str, scanned: int, billed: int) -> None:
    assert PRICES.billed_bytes(kind, state, scanned) == billed


def test_a_tebibyte_costs_its_price() -> None:
    assert PRICES.dollars(2**40) == PRICES.dollars_per_tebibyte


def test_statements_go_to_the_model_that_their_comment_names() -> None:
    spent = compute_bill(
        [
            statement("create table x", 5, "CREATE_TABLE_AS_SELECT", node="model.p.fct_bar"),
            statement("merge", 7, "MERGE", node="model.p.fct_bar"),
            statement("alter table `s`.`fct_bar__ha` rename to x", 0, "ALTER_TABLE"),
            statement("select count(*)", 11, node="test.p.unique_bar.1"),
            statement("select 1", 13, node="test.p.singular"),
            statement("insert into model_watermark", 17, "INSERT", node="operation.p.end"),
            statement("show databases", 0, "SHOW_DATABASES"),
        ],
        PRICES,
        MANIFEST,
    )
    assert spent.models["fct_bar"] == Cost(3, 12, 20_000_000)
    assert spent.tests == {"fct_bar": Cost(2, 24, 20_000_000)}
    assert spent.models[HOOKS] == Cost(2, 17, 10_000_000)
    assert spent.total == Cost(7, 53, 50_000_000)


def test_a_model_beyond_its_budget_is_named() -> None:
    spent = {"append": Bill({"fct_bar": Cost(3, 2_000_000, 30_000_000), "small": Cost(1, 1, 1)}, {})}
    limits = {
        "statements": 4,
        "scanned_kb": 2001,
        "models": {"fct_bar": {"scanned_kb": 1999}, "small": {"statements": 1}},
    }
    assert over_budget(spent, {"workloads": {"append": limits}}) == [
        "append fct_bar: 2,000 scanned_kb, the budget is 1,999"
    ]
    assert over_budget(spent, {"workloads": {"append": {"statements": 3}}}) == ["append: 4 statements, the budget is 3"]


@pytest.mark.parametrize("model", ["fct_volume_spike", "fct_bar"])
def test_a_model_that_scans_its_history_is_beyond_the_committed_budget(model: str) -> None:
    """Recorded figures, and the same with one model that reads all its bars in each statement, as without a bound."""
    workloads = json.loads(RESULT.read_text())["workloads"]
    recorded = workloads["append_a_day"]["models"]
    spent = {name: Cost(of["statements"], of["scanned"], of["billed"]) for name, of in recorded.items()}
    budget = yaml.safe_load((BUDGET).read_text())
    assert over_budget({"append_a_day": Bill(spent)}, budget) == []
    history = workloads["read_one_symbols_year"]["total"]["scanned"]  # by month, that is every file of fct_bar
    scanning = spent | {model: spent[model] + Cost(0, history, 0)}
    problems = over_budget({"append_a_day": Bill(scanning)}, budget)
    assert any(problem.startswith(f"append_a_day {model}:") for problem in problems)

"""Each var of dbt_project.yml has a rule, and a run with a value that breaks it stops before anything is built."""

import json
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest
import yaml

from testkit.lake import Lake, bar, compiled
from tickerlake import lake as lakes
from tickerlake.errors import UserError

VARS = yaml.safe_load((lakes.PROJECT / "dbt_project.yml").read_text())["vars"]
NO_INTEGERS: list[Any] = ["abc", -1, 1.5, "5", True, None, 10**9, [5]]
NO_NUMBERS: list[Any] = ["abc", -5, True, None, 10**9, [5]]
NO_DATES: list[Any] = ["yesterday", "2026-02-31", "2026-2-3", "2026-01-01 00", "2026-01-01'"]
WRONG: dict[str, list[Any]] = {
    "anomaly_pct": NO_NUMBERS,
    "spike_bars": [0, *NO_INTEGERS],
    "spike_factor": [0, *NO_NUMBERS],
    "indicator_lookback": [0, 20_000, 1.5, True],
    "relative_volume_sessions": [0, *NO_INTEGERS],
    "benchmark_symbol": ["", "voo", "V O", "VOO'", None, ["VOO"]],
    "beta_sessions": [1, *NO_INTEGERS],
    "sessions_per_year": [0, 367, *NO_INTEGERS],
    "value_at_risk_sessions": [1, *NO_INTEGERS],
    "reconcile_price_pct": [101, *NO_NUMBERS],
    "reconcile_close_pct": [101, *NO_NUMBERS],
    "reconcile_volume_share": [1.1, *NO_NUMBERS],
    "reconcile_missing_minutes": [1441, *NO_INTEGERS],
    "reconcile_restated_pct": [101, *NO_NUMBERS],
    "suspect_move_pct": NO_NUMBERS,
    "resample_minutes": [[7], [5, 5], 5, "5", ["5"], [0], [5.5], None, [5, 7], [-5], {"5": 5}],
    "late_arrival_hours": ["abc", -5, 1.5, "26", True, None, 87_601],
    "reload_from": ["yesterday", "2026-03-02", "2026-03-02 24", "2026-02-30 01", "2026-3-2 1", "2026-03-02T15", 5],
    "postpone_restatement": ["yes", "true", 1, None, [True]],
    "raw_begins": [*NO_DATES, ""],
    "as_of": ["yesterday", "2026-03-02", "2026-03-02 25:00:00", "2026-02-30 00:00:00", "2026-03-02 15:00:00'"],
    "lease_minutes": [0, 10_081, *NO_INTEGERS],
    "release_days": [0, *NO_INTEGERS],
    "reader_hours": NO_NUMBERS,
    "partition_grain": ["year", "", None, 5],
    "published_schema": ["", "Published", "a b", "x;y", "1a"],
    "default_calendar": ["", "x'", "xnys", None],
    "calendar_until": [*NO_DATES, ""],
    "source_priority": [[], "yahoo", ["yahoo", "yahoo"], ["it's"], [5], None, {"yahoo": 1}],
}
RIGHT: dict[str, list[Any]] = {
    "anomaly_pct": [0, 0.5, 100],
    "resample_minutes": [[], [60], [60, 5]],
    "late_arrival_hours": [0, 72],
    "reload_from": ["", "2026-03-02 00", "2024-02-29 23"],
    "as_of": ["", "2026-03-02 15:00:00"],
    "default_calendar": ["24/7", "XLON"],
}


def test_every_var_has_wrong_values_to_try() -> None:
    assert WRONG.keys() == VARS.keys()


def problems(lake: Lake, cases: list[tuple[str, Any]]) -> list[str]:
    """Return what the project's rules say of each value, or ''."""
    template = (
        f"{{% set problems = [] %}}{{% for name, value in fromjson({json.dumps(json.dumps(cases))}) %}}"
        "{% do problems.append(var_problem(value, var_rules()[name])) %}{% endfor %}{{ tojson(problems) }}"
    )
    answers: list[str] = json.loads(compiled(template, lake.environment()))
    return answers


@pytest.mark.slow
def test_each_rule_refuses_its_mutants_and_accepts_the_default(lake: Lake) -> None:
    right = [(name, value) for name in VARS for value in [VARS[name], *RIGHT.get(name, [])]]
    assert dict(zip(map(str, right), problems(lake, right), strict=True)) == dict.fromkeys(map(str, right), "")
    wrong = [(name, value) for name, values in WRONG.items() for value in values]
    answers = problems(lake, wrong)
    assert [
        case for case, answer in zip(wrong, answers, strict=True) if not answer.startswith(("choose", "write"))
    ] == []


@pytest.mark.slow
@pytest.mark.parametrize("command", ["run", "build", "seed"])
@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"late_arrival_hours": "abc"}, "var late_arrival_hours is 'abc': choose a whole number, 0 to 87600"),
        ({"late_arival_hours": 5}, "var 'late_arival_hours' is unknown: choose one of"),
    ],
)
def test_a_run_with_a_wrong_var_stops_before_anything_is_built(
    lake: Lake, command: str, variables: dict[str, Any], message: str
) -> None:
    lake.land([bar()])
    with pytest.raises(UserError, match=message):
        replace(lake, options=("--vars", json.dumps(variables))).dbt(command)
    with closing(lakes.connect(lake.folder, lakes.CATALOG)) as connection:
        assert connection.sql("from information_schema.tables where table_schema like 'tickerlake%'").fetchall() == []

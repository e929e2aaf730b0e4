"""The committed contract is the one of dbt's manifest, and the alerts' thresholds are the project's vars."""

import json
import re
from pathlib import Path

import pytest

from pipeline.contract import generate_contract, generate_thresholds
from pipeline.dbt import Dbt
from serving.alerts.bars import THRESHOLDS
from serving.contract import CONTRACT
from testkit.lake import Lake, dbt
from tickerlake.lake import PROJECT


def test_the_contract_file_equals_the_manifest(lake: Lake) -> None:
    lake.environment()
    assert CONTRACT.read_text() == generate_contract(dbt()), "models/ changed: run `make contract`"


def test_the_thresholds_file_equals_the_vars() -> None:
    assert THRESHOLDS.read_text() == generate_thresholds(Dbt("local")), "a var changed: run `make contract`"


@pytest.mark.parametrize("name", ["anomaly_pct", "spike_bars", "spike_factor"])
def test_a_changed_var_is_another_threshold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    changed, count = re.subn(rf"(?m)^  {name}: \S+", f"  {name}: 77", (PROJECT / "dbt_project.yml").read_text())
    assert count == 1
    (tmp_path / "dbt_project.yml").write_text(changed)
    project = Dbt("local")
    monkeypatch.setattr(project, "project", tmp_path)
    assert json.loads(generate_thresholds(project)) == json.loads(THRESHOLDS.read_text()) | {name: 77}

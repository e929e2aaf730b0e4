"""The committed contract is the one of dbt's manifest."""

from pipeline.contract import generate_contract
from serving.contract import CONTRACT
from testkit.lake import Lake, dbt


def test_the_contract_file_equals_the_manifest(lake: Lake) -> None:
    lake.environment()
    assert CONTRACT.read_text() == generate_contract(dbt()), "models/ changed: run `make contract`"

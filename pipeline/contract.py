"""Write what serving reads of the dbt project: `make contract`.

serving/contract.json is the contract of the public models, serving/alerts/thresholds.json the vars that define signals.
Both are committed, because the API, the PostgreSQL copy and the alerts run without dbt; tests compare them with the
project.
"""

import json
from dataclasses import fields
from typing import Any

from pipeline.dbt import Dbt, public_models
from serving.alerts.bars import THRESHOLDS, Thresholds
from serving.contract import CONTRACT
from tickerlake.errors import UserError


def generate_contract(dbt: Dbt) -> str:
    """Return the contract of the public models as JSON text: their columns, keys and descriptions.

    The key of a model is that of its first uniqueness test. A column is nullable unless it has a not_null test or
    belongs to the key. Raises UserError when a public model has no uniqueness test.
    """
    tests = [node for node in dbt.nodes().values() if getattr(node, "test_metadata", None)]
    marts = {
        model.name: _describe_mart(model, [test for test in tests if test.attached_node == model.unique_id])
        for model in sorted(public_models(dbt), key=lambda model: str(model.name))
    }
    contract = {"published_schema": dbt.variable("published_schema"), "marts": marts}
    return json.dumps(contract, indent=1, ensure_ascii=False) + "\n"


def generate_thresholds(dbt: Dbt) -> str:
    """Return the vars that define signals as JSON text."""
    return json.dumps({field.name: dbt.variable(field.name) for field in fields(Thresholds)}, indent=1) + "\n"


def _describe_mart(model: Any, tests: list[Any]) -> dict[str, Any]:
    keys = [
        test.test_metadata.kwargs.get("columns") or [test.column_name]
        for test in tests
        if test.test_metadata.name in ("unique_key", "unique")
    ]
    if not keys:
        raise UserError(f"no uniqueness test on public model '{model.name}': add unique_key or unique to its YAML")
    key = keys[0]
    required = {test.column_name for test in tests if test.test_metadata.name == "not_null"} | set(key)
    values = {
        test.column_name: [str(value) for value in test.test_metadata.kwargs["values"]]
        for test in tests
        if test.test_metadata.name == "accepted_values"
    }
    columns = [
        {
            "name": column.name,
            "data_type": column.data_type,
            "description": _in_one_line(column.description),
            "is_nullable": column.name not in required,
            "values": values.get(column.name, []),
        }
        for column in model.columns.values()
    ]
    return {"description": _in_one_line(model.description), "key": key, "columns": columns}


def _in_one_line(text: str) -> str:
    return " ".join(text.split())


if __name__ == "__main__":
    # a full parse, because a partial one may list the tests of a model in another order
    project = Dbt("local", options=["--no-partial-parse"])
    for path, text in ((CONTRACT, generate_contract(project)), (THRESHOLDS, generate_thresholds(project))):
        path.write_text(text)
        print(f"wrote {path}")

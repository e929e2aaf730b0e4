"""Price the statements of Athena's query history, and attribute them to dbt models."""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from mypy_boto3_athena import AthenaClient
    from mypy_boto3_athena.type_defs import QueryExecutionTypeDef

PRICE_FILE = Path(__file__).parent / "prices.yml"
HOOKS = "(run's own)"
"""The name under which statements that belong to no model are counted: those of the run's hooks."""
_COMMENT = re.compile(r"\A\s*-- /\* (\{.*?\}) \*/")


@dataclass(frozen=True, slots=True)
class Prices:
    """Athena's prices."""

    dollars_per_tebibyte: float
    least_bytes: int
    rounding: int
    billed_types: frozenset[str]
    as_of: str

    @classmethod
    def read(cls, path: Path = PRICE_FILE) -> "Prices":
        """Read a file of the form of prices.yml."""
        content = yaml.safe_load(path.read_text())
        return cls(
            content["dollars_per_tebibyte"],
            content["least_bytes_per_statement"],
            content["rounds_up_to_bytes"],
            frozenset(content["billed"]),
            str(content["as_of"]),
        )

    def billed_bytes(self, kind: str, state: str, scanned: int) -> int:
        """Return the bytes on the bill: none for failed statements and DDL, a minimum for the rest."""
        if kind not in self.billed_types or state == "FAILED":
            return 0
        rounded = -(-scanned // self.rounding) * self.rounding
        return max(self.least_bytes, rounded)

    def dollars(self, billed: int) -> float:
        """Return the price of billed bytes in dollars."""
        return billed / 2**40 * self.dollars_per_tebibyte


@dataclass(slots=True)
class Cost:
    """A sum over statements."""

    statements: int = 0
    scanned: int = 0
    billed: int = 0

    def add(self, scanned: int, billed: int) -> None:
        """Add one statement, by its bytes."""
        self.statements += 1
        self.scanned += scanned
        self.billed += billed

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(self.statements + other.statements, self.scanned + other.scanned, self.billed + other.billed)


@dataclass(frozen=True, slots=True)
class Bill:
    """The cost of one workload by model; tests are counted under `tests`, by the model that they test."""

    models: Mapping[str, Cost] = field(default_factory=dict)
    tests: Mapping[str, Cost] = field(default_factory=dict)

    @property
    def total(self) -> Cost:
        """Return the sum over models and tests."""
        return sum([*self.models.values(), *self.tests.values()], Cost())


def list_statements(
    athena: "AthenaClient", known: set[str], workgroup: str = "primary"
) -> "list[QueryExecutionTypeDef]":
    """Return the statements of a workgroup, newest first, without those whose ids are `known`."""
    pages = athena.get_paginator("list_query_executions").paginate(WorkGroup=workgroup)
    ids = [i for page in pages for i in page["QueryExecutionIds"] if i not in known]
    statements: list[QueryExecutionTypeDef] = []
    for start in range(0, len(ids), 50):
        statements += athena.batch_get_query_execution(QueryExecutionIds=ids[start : start + 50])["QueryExecutions"]
    return statements


def compute_bill(statements: "Iterable[QueryExecutionTypeDef]", prices: Prices, manifest: Mapping[str, Any]) -> Bill:
    """Sum statements by the dbt node that their query comment names.

    DDL has no comment and is attributed to the model whose name it contains; `manifest` is dbt's manifest.json.
    """
    nodes = manifest["nodes"]
    names = sorted(
        (n["name"] for n in nodes.values() if n["resource_type"] in ("model", "seed")), key=len, reverse=True
    )
    models: dict[str, Cost] = defaultdict(Cost)
    tests: dict[str, Cost] = defaultdict(Cost)
    for statement in statements:
        scanned = statement["Statistics"]["DataScannedInBytes"]
        billed = prices.billed_bytes(statement["SubstatementType"], statement["Status"]["State"], scanned)
        comment = _COMMENT.match(statement["Query"])
        node = nodes.get(json.loads(comment[1]).get("node_id", "")) if comment else None
        if node and node["resource_type"] == "test":
            tests[_tested_model(node)].add(scanned, billed)
        elif node and node["resource_type"] in ("model", "seed"):
            models[node["name"]].add(scanned, billed)
        else:
            named = None if comment else next((name for name in names if name in statement["Query"]), None)
            models[named or HOOKS].add(scanned, billed)
    return Bill(dict(models), dict(tests))


def _tested_model(node: Mapping[str, Any]) -> str:
    attached = node.get("attached_node") or next(iter(node["depends_on"]["nodes"]), "")
    return str(attached).split(".")[-1]

"""Statements as Athena remembers them, priced and put under the model they belong to. Works on AWS as well as here."""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

_COMMENT = re.compile(r"\A\s*-- /\* (\{.*?\}) \*/")
HOOKS = "(run's own)"


@dataclass(frozen=True, slots=True)
class Prices:
    """Athena's prices; see prices.yml."""

    dollars_per_tebibyte: float
    least_bytes: int
    rounding: int
    billed_types: frozenset[str]
    as_of: str

    @classmethod
    def read(cls, path: Path) -> "Prices":
        """Read prices.yml."""
        found = yaml.safe_load(path.read_text())
        return cls(
            found["dollars_per_tebibyte"],
            found["least_bytes_per_statement"],
            found["rounds_up_to_bytes"],
            frozenset(found["billed"]),
            str(found["as_of"]),
        )

    def billed_bytes(self, kind: str, state: str, scanned: int) -> int:
        """Bytes on the bill: failed statements and DDL are free, the rest has a minimum; cancelled ones are charged."""
        if kind not in self.billed_types or state == "FAILED":
            return 0
        rounded = -(-scanned // self.rounding) * self.rounding
        return max(self.least_bytes, rounded)

    def dollars(self, billed: int) -> float:
        """The price of billed bytes."""
        return billed / 2**40 * self.dollars_per_tebibyte


@dataclass(slots=True)
class Cost:
    """A sum over statements."""

    statements: int = 0
    scanned: int = 0
    billed: int = 0

    def add(self, scanned: int, billed: int) -> None:
        """Count one statement."""
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
        """Everything together."""
        return sum([*self.models.values(), *self.tests.values()], Cost())


def executions(athena: Any, since: set[str], workgroup: str = "primary") -> list[dict[str, Any]]:
    """All statements of a workgroup that are not in `since`, newest first."""
    pages = athena.get_paginator("list_query_executions").paginate(WorkGroup=workgroup)
    ids = [i for page in pages for i in page["QueryExecutionIds"] if i not in since]
    found: list[dict[str, Any]] = []
    for start in range(0, len(ids), 50):
        found += athena.batch_get_query_execution(QueryExecutionIds=ids[start : start + 50])["QueryExecutions"]
    return found


def bill(statements: Iterable[Mapping[str, Any]], prices: Prices, manifest: Mapping[str, Any]) -> Bill:
    """Sum statements by the dbt node that their query comment names; DDL has none and goes by the table it names."""
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
            tests[_tested(node)].add(scanned, billed)
        elif node and node["resource_type"] in ("model", "seed"):
            models[node["name"]].add(scanned, billed)
        else:
            named = None if comment else next((name for name in names if name in statement["Query"]), None)
            models[named or HOOKS].add(scanned, billed)
    return Bill(dict(models), dict(tests))


def _tested(node: Mapping[str, Any]) -> str:
    attached = node.get("attached_node") or next(iter(node["depends_on"]["nodes"]), "")
    return str(attached).split(".")[-1]

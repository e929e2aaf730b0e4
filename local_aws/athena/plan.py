"""What becomes of a statement: Trino statements to run, or a change of the Glue catalogue.

Athena's engine is a Trino, so that queries and DML go through untouched. Only DDL and maintenance differ: Athena speaks
Hive's DDL and has its own CTAS, OPTIMIZE and VACUUM. What Athena refuses is refused here.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from local_aws.athena.errors import InvalidRequestError
from local_aws.athena.text import NAME, outside_quotes, split_name, unquoted_identifier, without_leading_comments
from local_aws.trino_server import HIVE, ICEBERG

MAX_STATEMENT_BYTES = 262_144
StatementType = Literal["DDL", "DML", "UTILITY"]


@dataclass(slots=True)
class GlueAction:
    """A change of the catalogue that needs no engine: the name of a method of GlueActions and its arguments."""

    name: str
    arguments: dict[str, object]


@dataclass(slots=True)
class Plan:
    """How to run one statement. `trino` runs in order; the last one's rows are the answer."""

    kind: StatementType
    sub: str
    trino: list[str] = field(default_factory=list)
    session: dict[str, str] = field(default_factory=dict)
    glue: GlueAction | None = None
    iceberg_select: str = ""  # the query of an Iceberg CTAS: its types are checked first
    vacuum: tuple[str, str] | None = None
    view: tuple[str, str] | None = None  # a view that is made: its columns are entered in the catalogue
    data_location: str = ""  # where a statement writes data files that its manifest lists
    unload: tuple[str, str] | None = None  # the working table of an UNLOAD, dropped from the catalogue afterwards


Builder = Callable[["re.Match[str]", str, str, str], Plan]


def trino_name(name: str, database: str, catalog: str = HIVE) -> str:
    """A table's full name in Trino."""
    schema, table = split_name(name, database)
    return f'"{catalog}"."{schema}"."{table}"'


def check_size(sql: str) -> None:
    """Refuse an over-long statement as the API does. Raises InvalidRequestError."""
    if len(sql.encode()) > MAX_STATEMENT_BYTES:
        raise InvalidRequestError(
            "1 validation error detected: Value at 'queryString' failed to satisfy constraint: Member must have "
            f"length less than or equal to {MAX_STATEMENT_BYTES}"
        )
    if not without_leading_comments(sql):
        raise InvalidRequestError("Query string is empty")


def plan(sql: str, database: str, output: str) -> Plan:
    """Plan a statement. `output` is the s3:// prefix of its results, where a Hive CTAS without a location writes.

    Raises InvalidRequestError for what Athena does not take at all, StatementError for what it fails.
    """
    from local_aws.athena.ddl import BUILDERS

    text = without_leading_comments(sql)
    _refuse_hidden_catalogs(text)
    for pattern, build in BUILDERS:
        if match := pattern.match(text):
            return build(match, text, database, output)
    word = re.match(r"\(*\s*(\w+)", text)
    first = word[1].upper() if word else ""
    if first in ("SELECT", "WITH", "VALUES", "TABLE"):
        return Plan("DML", "SELECT", [text])
    if first in ("INSERT", "UPDATE", "DELETE", "MERGE"):
        return Plan("DML", first, [text])
    if first == "EXPLAIN":
        return Plan("DML", "EXPLAIN", [text])
    raise InvalidRequestError("Queries of this type are not supported")


def _refuse_hidden_catalogs(text: str) -> None:
    """Athena has the Glue catalogue only: Trino's own catalogues are not there."""
    bare = list(text)
    for i, _ in outside_quotes(text):
        bare[i] = "\0"
    visible = "".join(
        char if hidden == "\0" else " " if char not in '"`' else char for char, hidden in zip(text, bare, strict=True)
    )
    catalog = re.search(rf"(?<![\w.\"])(system|{ICEBERG})\s*\.\s*\"?\w+\"?\s*\.", visible, re.IGNORECASE)
    quoted = re.search(rf'"(system|{ICEBERG})"\s*\.', text, re.IGNORECASE)
    if found := catalog or quoted:
        raise InvalidRequestError(f"CATALOG_NOT_FOUND: Catalog '{unquoted_identifier(found[1])}' does not exist")


__all__ = ["MAX_STATEMENT_BYTES", "NAME", "GlueAction", "Plan", "check_size", "plan", "trino_name"]

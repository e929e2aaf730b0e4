"""A statement as it is read, and the plan that says how to run it."""

import re
from dataclasses import dataclass, field
from typing import Literal

from local_aws.athena.sql_text import quote_literals, split_name
from local_aws.catalogs import HIVE

StatementType = Literal["DDL", "DML", "UTILITY"]


@dataclass(frozen=True, slots=True)
class ParsedStatement:
    """A statement whose beginning one of the planner's patterns has matched."""

    sql: str
    head: re.Match[str]
    database: str  # the default database
    output: str  # s3:// prefix of the results; a Hive CTAS without a location writes below it

    @property
    def tail(self) -> str:
        """Return the text after the matched beginning."""
        return self.sql[self.head.end() :]

    def group(self, name: str) -> str:
        """Return a group of the pattern, '' when the statement lacks it."""
        return self.head[name] or ""

    @property
    def table(self) -> tuple[str, str]:
        """Return (database, table) of the statement's object."""
        return split_name(self.head["name"], self.database)

    def trino_name(self, catalog: str = HIVE) -> str:
        """Return the full name of the statement's object in a Trino catalog."""
        database, table = self.table
        return f'"{catalog}"."{database}"."{table}"'


@dataclass(slots=True)
class GlueAction:
    """A change of the Glue catalog without Trino: a method of GlueActions and its arguments."""

    name: str
    arguments: dict[str, object]


@dataclass(slots=True)
class StatementPlan:
    """How to run one statement. `trino` holds the statements to run in order; the last one's rows are the result."""

    statement_type: StatementType
    substatement_type: str
    trino: list[str] = field(default_factory=list)
    session: dict[str, str] = field(default_factory=dict)  # Trino's session properties
    glue: GlueAction | None = None
    iceberg_select: str = ""  # the query of an Iceberg CTAS: its types are checked first
    vacuum: tuple[str, str] | None = None
    view: tuple[str, str] | None = None  # a created view: its columns are written to Glue afterwards
    data_location: str = ""  # where a statement writes the data files that its manifest lists
    unload: tuple[str, str] | None = None  # the temporary table of an UNLOAD, deleted from Glue afterwards


def plan_glue_action(
    statement_type: StatementType, substatement_type: str, action: str, /, **arguments: object
) -> StatementPlan:
    """Return a plan that changes or reads the Glue catalog only."""
    return StatementPlan(statement_type, substatement_type, glue=GlueAction(action, arguments))


def map_literal(values: dict[str, str]) -> str:
    """Return the values as a Trino MAP of texts."""
    return f"MAP(ARRAY[{quote_literals(values)}], ARRAY[{quote_literals(values.values())}])"


def property_list(values: dict[str, str]) -> str:
    """Return the content of a Trino WITH clause; the values are SQL expressions."""
    return ", ".join(f"{key} = {value}" for key, value in values.items())

"""The cards and dashboards of `cards.yml`, and how a card's filters become SQL."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import yaml

HERE = Path(__file__).resolve().parent
CHART_TYPES = {"candlestick", "lines", "bars", "heatmap", "points", "table"}
_FILTER = re.compile(r"\$(symbols|dates|times|partition|interval)\(((?:[^()]|\([^()]*\))+)\)")


@dataclass(frozen=True, slots=True)
class Card:
    """One query and its chart. `columns` are the types by name, as DuckDB and Athena both name them.

    `differs_by_engine` marks rows that describe the engine itself, so that they cannot be equal.
    """

    name: str
    title: str
    description: str
    chart_type: str
    columns: Mapping[str, str]
    sql: str
    x: str = ""
    y: Sequence[str] = ()
    series: str = ""
    unit: str = "none"
    differs_by_engine: bool = False

    @property
    def filters(self) -> set[str]:
        """Names of the filters in the query."""
        return {match[1] for match in _FILTER.finditer(self.sql)}

    @property
    def has_time(self) -> bool:
        """True when a range of time narrows the card."""
        return bool(self.filters & {"dates", "times"})

    @property
    def time_column(self) -> str:
        """The first column that is a time or a date; empty when there is none."""
        return next((name for name, kind in self.columns.items() if kind in ("timestamp", "date")), "")


@dataclass(frozen=True, slots=True)
class Dashboard:
    """A page of cards, in reading order."""

    name: str
    title: str
    description: str
    cards: Sequence[Card]


@dataclass(frozen=True, slots=True)
class Filters:
    """Values of the filters: symbols (none means all), first and last date (UTC, both included), length of bars."""

    symbols: Sequence[str]
    first: date
    last: date
    interval: str = "1min"

    @property
    def end(self) -> date:
        """The day after the last."""
        return self.last + timedelta(days=1)


@cache
def dashboards() -> Mapping[str, Dashboard]:
    """Read the dashboards, by name. Raises ValueError when a card has an invalid description."""
    content = yaml.safe_load((HERE / "cards.yml").read_text())
    cards = {name: _card(name, card) for name, card in content["cards"].items()}
    return {
        name: Dashboard(name, board["title"], board["description"], [cards[card] for card in board["cards"]])
        for name, board in content["dashboards"].items()
    }


def cards() -> list[Card]:
    """Return every card, in the dashboards' order."""
    return [card for dashboard in dashboards().values() for card in dashboard.cards]


def with_filters(sql: str, predicates: Mapping[str, Callable[[str], str]]) -> str:
    """Replace each filter by the predicate on its column. Raises ValueError when an unknown placeholder is left."""
    replaced = _FILTER.sub(lambda match: predicates[match[1]](match[2]), sql)
    if re.search(r"\$(?!__|\{)", replaced):
        raise ValueError(f"unknown placeholder in the query: {sql}; use one of {sorted(predicates)}")
    return replaced


def reference_query(card: Card, chosen: Filters) -> str:
    """Return the card's query for these filters in plain SQL; every tool's query must return the same rows."""
    return with_filters(
        card.sql,
        {
            "symbols": lambda column: f"{column} in ({quoted(chosen.symbols)})" if chosen.symbols else "true",
            "dates": lambda column: f"{column} between date '{chosen.first}' and date '{chosen.last}'",
            "times": lambda column: (
                f"{column} >= timestamp '{chosen.first} 00:00:00' and {column} < timestamp '{chosen.end} 00:00:00'"
            ),
            # an exchange's date may be a day off the date in UTC
            "partition": lambda column: (
                f"{column} between date '{chosen.first - timedelta(days=1)}' and date '{chosen.end}'"
            ),
            "interval": lambda column: f"{column} = '{chosen.interval}'",
        },
    )


def quoted(values: Sequence[str]) -> str:
    """Return a comma-separated list of SQL text literals."""
    return ", ".join("'" + value.replace("'", "''") + "'" for value in values)


def identifier(*parts: str) -> str:
    """Return a UUID that stays the same from one rendering to the next."""
    return str(uuid5(NAMESPACE_URL, "/".join(("tickerlake", *parts))))


def as_yaml(content: Any) -> str:
    """Write YAML in the order given, queries as blocks."""
    return str(yaml.dump(content, Dumper=_Dumper, sort_keys=False, width=150, allow_unicode=True))


class _Dumper(yaml.SafeDumper):
    """Texts of several lines as blocks; lists indented; no aliases."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        return super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Dumper.add_representer(str, _text)


def _card(name: str, description: Mapping[str, Any]) -> Card:
    card = Card(name=name, sql=(HERE / "cards" / f"{name}.sql").read_text(), **description)
    used = [column for column in (card.x, *card.y, card.series) if column]
    if card.chart_type not in CHART_TYPES or not set(used) <= card.columns.keys():
        raise ValueError(
            f"card {name} in cards.yml: chart_type {card.chart_type} of {used};"
            f" use one of {sorted(CHART_TYPES)} and columns among {list(card.columns)}"
        )
    return card

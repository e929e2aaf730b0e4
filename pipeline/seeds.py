"""Check the seed files against `seeds/_seeds.yml` before anything is built.

A column's rules are its type in `column_types`, the data tests that dbt runs on it after loading (`unique`, `not_null`,
`accepted_values`, `relationships`, a table's `unique_key`), and its `meta`: `form`, `from`, `to`, `values`,
`refers_to`, `is_required`, `is_required_for`, `is_after`, `is_not_before`.

Plain dbt runs the data tests only, between a seed and its readers; DuckDB's own cast reads 2020-08-3x as a date.
"""

import csv
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

import yaml

from tickerlake.errors import UserError

_SHOWN = 5
_FORMS = {
    "symbol": (r"[A-Z0-9][A-Z0-9.=^/-]{0,19}", "a symbol of A-Z 0-9 . = ^ / -"),
    "currency": (r"[A-Z]{3}", "three capital letters"),
    "name": (r"[a-z][a-z0-9_]*", "a name of a-z 0-9 _"),
    "clock": (r"([01][0-9]|2[0-3]):[0-5][0-9]", "HH:MM"),
}


@dataclass(frozen=True, slots=True)
class SeedColumn:
    """A column of a seed: its type, and its rules as `meta` of the yml names them."""

    type: str
    rules: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Seed:
    """A seed: its columns by name, the keys that must be unique, and its rows with their line numbers."""

    name: str
    columns: Mapping[str, SeedColumn]
    keys: list[list[str]]
    rows: list[tuple[int, dict[str, str]]] = field(default_factory=list)


def check_seeds(folder: Path) -> None:
    """Raise UserError when a seed has a wrong row: file, line, column, value, and what to write instead."""
    if problems := list(list_problems(folder)):
        more = f"; {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        raise UserError("; ".join(problems[:_SHOWN]) + more)


def list_problems(folder: Path) -> Iterator[str]:
    """Yield what is wrong in the seeds of a folder, one line each."""
    seeds = {}
    for described in yaml.load((folder / "_seeds.yml").read_text(), yaml.CSafeLoader)["seeds"]:
        seed = seeds[described["name"]] = _describe(described)
        yield from _read_rows(seed, folder / f"{seed.name}.csv")
    for seed in seeds.values():
        yield from _row_problems(seed, seeds)
        yield from _doubled_rows(seed)


def _describe(described: Mapping[str, Any]) -> Seed:
    types, columns, keys = described["config"]["column_types"], {}, []
    rules: dict[str, dict[str, Any]] = {name: {} for name in types}
    for column in described.get("columns", []):
        own = rules.setdefault(column["name"], {})
        own |= column.get("config", {}).get("meta", {})
        for test in column.get("data_tests", []):
            name, arguments = (
                (test, {}) if isinstance(test, str) else next((n, t["arguments"]) for n, t in test.items())
            )
            if name == "not_null":
                own["is_required"] = True
            elif name == "unique":
                keys.append([column["name"]])
            elif name == "accepted_values":
                own["values"] = arguments["values"]
            elif name == "relationships":
                own["refers_to"] = re.sub(r"ref\('(.*)'\)", r"\1", arguments["to"]) + f".{arguments['field']}"
    for test in described.get("data_tests", []):
        keys.append(test["unique_key"]["arguments"]["columns"])
    for name in {name for key in keys for name in key}:
        rules[name]["is_required"] = True
    columns = {name: SeedColumn(str(types.get(name, "varchar")), rules[name]) for name in rules}
    return Seed(described["name"], columns, keys)


def _read_rows(seed: Seed, file: Path) -> Iterator[str]:
    """Read a seed's rows into it, and yield what prevents that."""
    header = ",".join(seed.columns)
    try:
        with file.open(newline="", encoding="utf-8-sig") as lines:
            reader = csv.reader(lines, strict=True)
            names = next(reader, [])
            if names != list(seed.columns):  # DuckDB's load goes by their order
                yield f"{_place(seed, 1)}: the header is '{','.join(names)}': write the columns {header}"
                return
            for cells in reader:
                if len(cells) == len(names):
                    seed.rows.append((reader.line_num, dict(zip(names, cells, strict=True))))
                elif cells:
                    yield f"{_place(seed, reader.line_num)}: {len(cells)} values: write {len(names)}, {','.join(names)}"
    except OSError as error:
        yield f"seeds/{file.name} cannot be read: {error.strerror}; restore it"
    except UnicodeDecodeError as error:
        yield f"seeds/{file.name} is not UTF-8 at byte {error.start}: save it as UTF-8"
    except csv.Error as error:
        yield f"{_place(seed, reader.line_num)} is no CSV: {error}; fix its quotes"


def _row_problems(seed: Seed, seeds: Mapping[str, Seed]) -> Iterator[str]:
    for line, row in seed.rows:
        for name, column in seed.columns.items():
            if wanted := _wanted(row[name], column, row, seeds):
                yield f"{_place(seed, line)}: {name} is '{row[name]}': write {wanted}"


def _wanted(value: str, column: SeedColumn, row: Mapping[str, str], seeds: Mapping[str, Seed]) -> str:
    """Return what to write instead of a value, '' when it may stay."""
    rules = column.rules
    if value.lower() == "null":  # Athena's load makes it NULL, DuckDB's a text
        return "nothing where there is no value"
    if not value.strip():
        is_needed = rules.get("is_required") or any(row[n] == v for n, v in rules.get("is_required_for", {}).items())
        return "a value, it is required" if is_needed else ""
    if value != value.strip():
        return "it without blanks around it"
    if wanted := _type_problem(value, column):
        return wanted
    if (form := rules.get("form")) == "timezone":
        return "" if value in _timezones() else "an IANA time zone, such as America/New_York"
    if form and not re.fullmatch(_FORMS[form][0], value):
        return _FORMS[form][1]
    if "values" in rules and value not in map(str, rules["values"]):
        return "one of " + ", ".join(map(str, rules["values"]))
    if "refers_to" in rules:
        other, name = rules["refers_to"].split(".")
        known = {cells[name] for _, cells in seeds[other].rows}
        return "" if value in known else f"a {name} of seeds/{other}.csv"
    for rule, is_right, text in _ORDERS:
        if (other := rules.get(rule)) and not is_right(value, row[other]):
            return f"{text} {other}, {row[other]}"
    return ""


_ORDERS: list[tuple[str, Callable[[str, str], bool], str]] = [
    ("is_after", lambda value, other: value > other, "a day after"),
    ("is_not_before", lambda value, other: value >= other, "a day on or after"),
]


def _type_problem(value: str, column: SeedColumn) -> str:
    low, high = column.rules.get("from"), column.rules.get("to")
    limits = ("" if low is None else f", {low} or more") + ("" if high is None else f", {high} or less")
    if column.type == "boolean":
        return "" if value in ("true", "false") else "true or false"
    if column.type == "date":
        return "" if _is_date(value) else "a date that exists, YYYY-MM-DD"
    if column.type == "integer":
        pattern, wanted = r"-?[0-9]{1,9}", f"a whole number{limits}"
    elif scale := re.fullmatch(r"decimal\(([0-9]+), ?([0-9]+)\)", column.type):
        digits, decimals = int(scale[1]) - int(scale[2]), int(scale[2])
        pattern = rf"-?[0-9]{{1,{digits}}}(\.[0-9]{{1,{decimals}}})?"
        wanted = f"a number of up to {digits} digits and {decimals} decimals{limits}"
    elif column.type == "double":
        pattern, wanted = r"-?[0-9]{1,15}(\.[0-9]{1,15})?", f"a number{limits}"
    else:
        return ""
    is_right = re.fullmatch(pattern, value) and (low is None or Decimal(value) >= low)
    return "" if is_right and (high is None or Decimal(value) <= high) else wanted


def _is_date(value: str) -> bool:
    try:
        return date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


@cache
def _timezones() -> set[str]:
    return available_timezones()


def _doubled_rows(seed: Seed) -> Iterator[str]:
    for key in seed.keys:
        first: dict[tuple[str, ...], int] = {}
        for line, row in seed.rows:
            value = tuple(row[name].strip() for name in key)
            if (earlier := first.setdefault(value, line)) != line:
                named = f"{', '.join(key)} {', '.join(value)}"
                yield f"{_place(seed, line)}: {named} is also in line {earlier}: remove one of the two"


def _place(seed: Seed, line: int) -> str:
    return f"seeds/{seed.name}.csv line {line}"

"""The project's language: field terms, one meaning for each word, messages and docstrings that a stranger understands.

Names and texts are read from the tracked files.
"""

import ast
import re
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tickerlake.lake import PROJECT

PACKAGES = (
    "benchmarks",
    "dashboards",
    "infra",
    "loader",
    "local_aws",
    "pipeline",
    "seeds",
    "serving",
    "testkit",
    "tests",
    "tickerlake",
)
# in any text: names, messages, docstrings, comments, documents
BANNED = re.compile(
    r"\b(mend|mends|mended|mending|unmended|hears?|heard|rehearsals?|far side|within the day|lays? (the|a|its) plan|"
    r"words a|poison blocks|(?<![.])tells?|telling|told|hold it against|held against|holds? \w+ against|"
    r"nothing to answer|"
    r"(?:is|are|be) well\b(?! )|patience|newcomers?|glance)\b",
    re.IGNORECASE,
)
# as the whole name of a variable, an argument, a function or an attribute
BANNED_NAMES = {
    "found",
    "asked",
    "told",
    "said",
    "made",
    "one",
    "gave",
    "given_one",
    "took",
    "say",
    "tell",
    "hear",
    "take",
    "give",
    "words",
    "taken",
    "asks",
    "ask",
    "forget",
    "patience",
    "reach",
    "looks",
    "judged",
    "gathered",
    "followed",
    "placed",
}
"""Past participles and verbs that name an event instead of the thing."""


@cache
def tracked(*patterns: str) -> list[Path]:
    """Return the project's tracked files that match the patterns."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", *patterns], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    return [PROJECT / name for name in listing.stdout.split("\0") if name and (PROJECT / name).is_file()]


def python_files() -> list[Path]:
    return [path for path in tracked("*.py") if path != Path(__file__)]


def assigned_names(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.lineno, node.name


@pytest.mark.parametrize("package", PACKAGES)
def test_names_of_variables_and_functions_name_the_thing(package: str) -> None:
    odd = [
        f"{path.relative_to(PROJECT)}:{line}: {name}"
        for path in python_files()
        if path.relative_to(PROJECT).parts[0] == package
        for line, name in assigned_names(ast.parse(path.read_text()))
        if name.strip("_") in BANNED_NAMES
    ]
    assert odd == []


def test_docstrings_begin_with_what_is_done() -> None:
    odd = []
    for path in python_files():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                text = ast.get_docstring(node) or ""
                if re.match(r"(Give|Gives|Tell|Tells|Say|Says|Hear|Word)\b", text):
                    odd.append(f"{path.relative_to(PROJECT)}:{node.lineno}: {text.splitlines()[0]}")
    assert odd == []


def test_public_classes_have_one_meaning() -> None:
    places = defaultdict(set)
    for path in python_files():
        if path.relative_to(PROJECT).parts[0] == "tests" or "tests" in path.parts:
            continue
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].add(str(path.relative_to(PROJECT)))
    assert {name: sorted(paths) for name, paths in places.items() if len(paths) > 1} == {}


def test_texts_use_the_words_of_the_field() -> None:
    odd = []
    for path in tracked("*.py", "*.sql", "*.md", "*.yml", "*.yaml", "*.toml", "*.js", "*.html", "Makefile", "*.in"):
        if path == Path(__file__) or path.name == "CHANGELOG.md":
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if banned := BANNED.search(line):
                odd.append(f"{path.relative_to(PROJECT)}:{number}: '{banned[0]}' in: {line.strip()[:100]}")
    assert odd == [], f"{len(odd)} lines"

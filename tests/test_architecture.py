"""Imports point downwards: a package knows the ones below it and none above, and no two modules import each other."""

import ast
import subprocess
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tickerlake.lake import PROJECT

# each package with what it may import; local_aws is a product of its own
BELOW: dict[str, set[str]] = {
    "tickerlake": set(),
    "loader": {"tickerlake"},
    "serving": {"tickerlake", "loader"},
    "pipeline": {"tickerlake", "loader", "serving"},
    "infra": {"tickerlake", "loader", "serving", "pipeline"},
    "dashboards": {"tickerlake", "serving", "pipeline"},
    "seeds": {"tickerlake"},
    "local_aws": set(),
    "testkit": {"tickerlake", "loader", "serving", "pipeline", "local_aws"},
    "benchmarks": {"tickerlake", "loader", "serving", "pipeline", "local_aws", "testkit"},
}


def modules(package: str) -> list[Path]:
    """Return the tracked modules of a package, its own tests apart."""
    listing = subprocess.run(
        ["git", "ls-files", f"{package}/*.py"], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    return [Path(name) for name in listing.stdout.split() if "/tests/" not in name and (PROJECT / name).exists()]


def dotted(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path) -> Iterator[str]:
    """Yield what a module imports, wherever in the file; `from package import module` yields both."""
    for node in ast.walk(ast.parse((PROJECT / path).read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("package", BELOW)
def test_a_package_imports_only_the_packages_below_it(package: str) -> None:
    upwards = [
        f"{path} imports {name}"
        for path in modules(package)
        for name in imports(path)
        if (other := name.partition(".")[0]) in {*BELOW, "tests"} and other != package and other not in BELOW[package]
    ]
    assert upwards == []


@pytest.mark.parametrize("package", BELOW)
def test_no_two_modules_import_each_other(package: str) -> None:
    names = {dotted(path): path for path in modules(package)}
    graph = {
        name: {other for other in imports(path) if other in names and other != name} for name, path in names.items()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"modules import each other: {' <- '.join(error.args[1])}")


def test_the_order_of_packages_has_no_cycle() -> None:
    TopologicalSorter(BELOW).prepare()

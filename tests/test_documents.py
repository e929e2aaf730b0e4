"""Documents and comments name files that exist."""

import re
import subprocess
from pathlib import Path

import pytest

from tickerlake.lake import PROJECT

TEXTS = ("*.py", "*.sql", "*.md", "*.yml", "*.yaml", "*.toml", "*.js", "*.html", "*.in", "Makefile", "*.example")
PATH = re.compile(
    r"(?<![\w./{$:*<>\-…])((?:\.?[\w-]+/)+[\w.-]+\.(?:py|sql|md|yml|yaml|json|toml|csv|js|mjs|html|png|txt|in|mmd))\b(?![/*{(])"
)
"""A path of at least one folder and a file with a known extension, not part of a URL or of a pattern."""
NOT_IN_GIT = (
    "target/",
    "lake/",
    "answers/",
    "raw/",
    "state/",
    "site/",
    "serving/api/static/vendor/",
    "node_modules/",
    "./node_modules/",
    "tmp/",
    "daily/yahoo_",
    "daily/sp500_",
)
"""Folders that builds, loads and package managers write, and those of recorded market data."""
EXEMPT = ("local_aws/", "dashboards/rendered/", "CHANGELOG.md", "tests/", "serving/page/package", "mkdocs.yml")
"""Files whose paths have another root (fixtures, rendered files, the site's navigation) or name the past."""
EXAMPLES = ("models/marts/indicators/fct_range.sql",)
"""Files that a guide asks its reader to write."""


def tracked(*patterns: str) -> list[str]:
    listing = subprocess.run(
        ["git", "ls-files", "-z", *patterns], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    return [name for name in listing.stdout.split("\0") if name and (PROJECT / name).is_file()]


def missing_paths(name: str, text: str, folders: set[str]) -> list[str]:
    """Return the paths in a text that begin with a folder of the project, or of the text's folder, and do not exist."""
    missing = []
    for number, line in enumerate(text.splitlines(), 1):
        for path in PATH.findall(line):
            roots = [PROJECT, (PROJECT / name).parent, *((PROJECT / name).parents)]
            if path.startswith(NOT_IN_GIT) or path in EXAMPLES or path.split("/")[0] not in folders:
                continue
            if not any((root / path).exists() for root in roots if root.is_relative_to(PROJECT)):
                missing.append(f"{name}:{number}: {path}")
    return missing


@pytest.fixture(scope="module")
def folders() -> set[str]:
    """Return the names of all folders that contain a tracked file."""
    return {part for name in tracked() for part in Path(name).parts[:-1]}


def test_paths_in_documents_and_comments_exist(folders: set[str]) -> None:
    missing: list[str] = []
    for name in tracked(*TEXTS):
        if not name.startswith(EXEMPT):
            missing += missing_paths(name, (PROJECT / name).read_text(), folders)
    assert missing == []


def test_a_path_that_does_not_exist_is_found(folders: set[str]) -> None:
    text = "See `pipeline/build.py` and pipeline/no_such.py, https://example.com/docs/no.md, docs/aws.md.\n"
    assert missing_paths("README.md", text, folders) == ["README.md:1: pipeline/no_such.py"]

"""What a release says of itself agrees in every place; `make release-check` runs these tests, too."""

import re
import tomllib
from datetime import date
from importlib.metadata import metadata
from typing import Any

import yaml

from tickerlake.lake import PROJECT

PYPROJECT = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
PYTHONS = [re.findall(r":: (3\.\d+)$", text)[0] for text in PYPROJECT["classifiers"] if "Python ::" in text]


def test_the_version_is_the_same_everywhere() -> None:
    assert yaml.safe_load((PROJECT / "dbt_project.yml").read_text())["version"] == PYPROJECT["version"]


def test_the_changelog_begins_with_a_dated_section_for_the_version() -> None:
    sections = re.findall(r"^## (\S+)(?: - (\S+))?$", (PROJECT / "CHANGELOG.md").read_text(), re.M)
    released = [section for section in sections if section[0] != "Unreleased"]
    assert released[0][0] == PYPROJECT["version"]
    days = [date.fromisoformat(day) for _, day in released]
    assert days == sorted(days, reverse=True)


def test_every_supported_python_is_tested_and_is_one_that_dbt_supports() -> None:
    assert PYPROJECT["requires-python"] == f">={PYTHONS[0]},<3.{int(PYTHONS[-1].removeprefix('3.')) + 1}"
    classifiers = metadata("dbt-core").get_all("Classifier") or []
    assert [text.rpartition(" ")[2] for text in classifiers if re.search(r":: 3\.1[1-9]$", text)] == PYTHONS
    jobs: dict[str, Any] = yaml.safe_load((PROJECT / ".github/workflows/checks.yml").read_text())["jobs"]
    assert jobs["test"]["strategy"]["matrix"]["python"] == PYTHONS
    makefile = (PROJECT / "Makefile").read_text()
    assert re.findall(r"^PYTHONS := (.*)$", makefile, re.M) == [" ".join(PYTHONS)]

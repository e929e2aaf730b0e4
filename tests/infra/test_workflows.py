"""Continuous integration is a thin shell over make: what it runs, anybody runs."""

import re
import subprocess
from typing import Any

import pytest
import yaml

from tickerlake.lake import PROJECT

FILES = sorted((PROJECT / ".github" / "workflows").glob("*.yml"))


def steps(path: Any) -> list[tuple[str, dict[str, Any]]]:
    jobs = yaml.safe_load(path.read_text())["jobs"]
    return [(name, step) for name, job in jobs.items() for step in job.get("steps", [])]


def test_the_tiers_are_there() -> None:
    assert [path.stem for path in FILES] == ["checks", "deploy", "docs", "nightly", "run-pipeline"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_step_is_one_make_target_that_make_knows(path: Any) -> None:
    commands = [step["run"] for _, step in steps(path) if "run" in step]
    assert commands or path.stem == "deploy"
    for command in commands:
        called = re.fullmatch(r"make ([a-z-]+)((?: [A-Z]+=\S+)*)( \| tee -a \"\$GITHUB_STEP_SUMMARY\")?", command)
        assert called, command
        done = subprocess.run(
            ["make", "--dry-run", called[1], "PYTHON=true"], cwd=PROJECT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        makefile = (PROJECT / "Makefile").read_text()
        for variable in re.findall(r" ([A-Z]+)=", called[2]):
            assert f"$({variable})" in makefile or f"$(or $({variable})," in makefile, (
                f"make {called[1]} takes no {variable}"
            )


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_actions_are_pinned_and_no_checkout_keeps_its_token(path: Any) -> None:
    for _, step in steps(path):
        if "uses" not in step:
            continue
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", step["uses"])
        assert re.search(re.escape(step["uses"]) + r" # v\d+\.\d+\.\d+", path.read_text()), "says which version it is"
        if "checkout" in step["uses"]:
            assert step["with"]["persist-credentials"] is False


def test_a_pull_request_sees_no_secret_and_no_account() -> None:
    text = (PROJECT / ".github/workflows/checks.yml").read_text()
    assert "secrets" not in text
    assert "id-token" not in text
    assert "pull_request_target" not in text


def test_production_is_deployed_last_and_behind_its_environment() -> None:
    jobs = yaml.safe_load((PROJECT / ".github/workflows/deploy.yml").read_text())["jobs"]
    assert jobs["dev"]["needs"] == "checks"
    assert (jobs["production"]["needs"], jobs["production"]["environment"]) == ("dev", "production")

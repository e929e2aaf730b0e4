"""The README keeps its promises: its commands run, its table names what is there."""

import os
import re
import subprocess

import pytest

from pipeline.lake import PROJECT
from tests.lake import Lake

README = (PROJECT / "README.md").read_text()


def commands() -> list[str]:
    """Every command of the README's shell blocks, without comments."""
    blocks = re.findall(r"```sh\n(.*?)```", README, re.S)
    lines = [line.partition("  #")[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line]


@pytest.mark.slow
def test_every_command_of_the_readme_runs(lake: Lake) -> None:
    todo = commands()
    assert todo[:2] == ["make demo", "make test"]
    for command in ["make demo", *todo[2:]]:
        answer = subprocess.run(
            ["bash", "-c", command],
            cwd=PROJECT,
            env=os.environ | {"TICKERLAKE_LAKE": str(lake.folder)},
            input="select count(*) from fct_bar;\n",
            capture_output=True,
            text=True,
            check=False,
        )
        assert answer.returncode == 0, f"{command}: {answer.stderr}"
        assert answer.stdout, command


def test_the_readme_is_short_and_says_what_it_must() -> None:
    assert len(README.splitlines()) <= 150
    assert "Nothing here is trading advice" in README
    assert "Apache License 2.0" in README


def test_the_folder_table_names_what_is_there() -> None:
    named = re.findall(r"^\| `([a-z_]+)/` ", README, re.M)
    assert named
    assert [name for name in named if not (PROJECT / name).is_dir()] == []


def test_every_make_target_explains_itself() -> None:
    listed = subprocess.run(["make", "help"], cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    targets = re.findall(r"^\.PHONY: (\S+)$", (PROJECT / "Makefile").read_text(), re.M)
    assert [target for target in targets if f"make {target} " not in listed] == []

"""The README keeps its promises: its commands run, its table names what is there."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from testkit.lake import Lake, bar
from tests.loader.vendor_server import YAHOO_1MIN, VendorServer, serve_yahoo
from tickerlake import lake as lakes
from tickerlake.lake import PROJECT

README = (PROJECT / "README.md").read_text()


def commands() -> list[str]:
    """Every command of the README's shell blocks, without comments."""
    blocks = re.findall(r"```sh\n(.*?)```", README, re.S)
    lines = [line.partition("  #")[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line]


def inline_commands() -> list[str]:
    """The loader's and dbt's commands in the README's text and tables."""
    return re.findall(r"`((?:python -m|dbt) [^`]+)`", README)


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


@pytest.fixture
def yahoo_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[VendorServer]:
    with serve_yahoo(monkeypatch) as server:
        yield server


@pytest.mark.slow
@pytest.mark.loopback
@pytest.mark.usefixtures("yahoo_server")
def test_every_command_in_its_text_runs(lake: Lake, tmp_path: Path) -> None:
    (tmp_path / "TSLA.csv").write_text("timestamp,open,high,low,close,volume\n2026-03-02 09:30:00,1,1,1,1,5\n")
    (tmp_path / "TSLA.json").write_text(json.dumps(YAHOO_1MIN))
    (tmp_path / "AAPL_kibot.txt").write_text("03/02/2026,09:30,1,1,1,1,5\n")
    lake.land([bar()])
    lake.run()
    environment = os.environ | {
        "TICKERLAKE_LAKE": str(lake.folder),
        "TICKERLAKE_EXTENSIONS": str(lakes.extensions()),
        "PYTHONPATH": str(PROJECT),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    todo = inline_commands()
    assert len(todo) >= 6
    for command in todo:
        answer = subprocess.run(
            [*shlex.split(command)],
            cwd=tmp_path if "loader" in command else PROJECT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        accepted = (0, 1) if "fetch" in command else (0,)  # the vendor of the tests knows TSLA only
        assert answer.returncode in accepted, f"{command}: {answer.stdout[-2000:]} {answer.stderr}"


def test_the_readme_is_short_and_says_what_it_must() -> None:
    assert len(README.splitlines()) <= 150
    assert "Nothing here is trading advice" in README
    assert "Apache License 2.0" in README


def test_the_folder_table_names_what_is_there() -> None:
    named = re.findall(r"^\| `([a-z_]+)/` ", README, re.M)
    assert named
    assert [name for name in named if not (PROJECT / name).is_dir()] == []


def test_every_file_and_link_of_the_readme_exists() -> None:
    files = re.findall(r"`([a-z_]+/[\w/]+\.\w+)`", README)
    links = re.findall(r"\]\((?!http)([^)#]+)", README)
    assert len(files) > 10 and len(links) > 5
    assert [name for name in (*files, *links) if not (PROJECT / name).exists()] == []


def test_every_file_of_the_features_exists() -> None:
    features = (PROJECT / "docs" / "features.md").read_text()
    named = set(re.findall(r"[`( ]((?:[a-z_]+|\.[a-z]+)/[\w/.-]*)", features))
    assert len(named) > 60
    assert sorted(name for name in named if not (PROJECT / name).exists()) == []


def test_every_make_target_explains_itself() -> None:
    listed = subprocess.run(["make", "help"], cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    targets = re.findall(r"^\.PHONY: (\S+)$", (PROJECT / "Makefile").read_text(), re.M)
    assert [target for target in targets if f"make {target} " not in listed] == []

"""Build and test only what a change touches: `python -m pipeline.slim origin/main`.

The base is checked out below target/slim and builds a lake of simulated bars; then this tree builds `state:modified+`
on the same lake, and defers unmodified nodes to the base's manifest. Runs of a pull request need no account.
"""

import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

from loader.commands.simulate import land_simulated
from tickerlake.lake import PROJECT, extensions

_SELECTED = "state:modified+"


def main(base: str) -> int:
    """Return dbt's exit code: 0 when everything that the change touches was built and passed."""
    folder = PROJECT / "target" / "slim"
    shutil.rmtree(folder, ignore_errors=True)
    _check_out(base, folder / "base")
    lake = folder / "lake"
    (lake / "warehouse").mkdir(parents=True)
    exit_code = land_simulated(lake, ["TSLA", "NVDA"], sessions=1, has_faults=True)
    os.environ |= {"TICKERLAKE_LAKE": str(lake), "TICKERLAKE_EXTENSIONS": str(extensions())}
    exit_code = exit_code or _dbt(folder / "base", "build", "--exclude-resource-type", "unit_test")
    if exit_code:
        print(f"{base} itself does not build", file=sys.stderr)
        return exit_code
    state = ["--state", str(folder / "base" / "target"), "--defer"]
    return _dbt(PROJECT, "build", "--select", _SELECTED, *state, "--target-path", str(folder / "target"))


def _check_out(base: str, folder: Path) -> None:
    folder.mkdir(parents=True)
    archive = folder.with_suffix(".tar")
    with archive.open("wb") as out:
        subprocess.run(["git", "archive", base], cwd=PROJECT, stdout=out, check=True)  # noqa: S607
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    shutil.copy(folder / "profiles.yml.example", folder / "profiles.yml")


def _dbt(project: Path, *arguments: str) -> int:
    dbt = Path(sys.executable).parent / "dbt"
    return subprocess.run([str(dbt), "--quiet", *arguments, "--target", "local"], cwd=project, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

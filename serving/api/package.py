"""The API's Lambda package: code, contracts, questions, page, and the locked libraries for Lambda's machine.

Run as `python -m serving.api.package [FILE]`, after `make page`. boto3 and botocore are the runtime's own.
"""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from loader.package import pack
from tickerlake.errors import UserError
from tickerlake.lake import PROJECT

PYTHON, PLATFORM = "3.13", "aarch64-manylinux_2_28"
"""The runtime of infra/template.yaml, as uv names it."""
_OWN = (
    ("serving", "*.py"),
    ("serving/api/static", "*"),
    ("tickerlake", "*.py"),
    ("loader", "*.py"),
    ("models", "*.yml"),
    ("models", "_columns.md"),
    ("analyses", "*.sql"),
)
_UNUSED = ("duckdb_extension_ducklake/", "bin/")


def build(target: Path, python: str = PYTHON, platform: str = PLATFORM) -> int:
    """Fetch the libraries of requirements/serving.txt, write the zip, return its size.

    Raises UserError when they cannot be had, or the page's chart library is not there.
    """
    if not (PROJECT / "serving" / "api" / "static" / "vendor").exists():
        raise UserError("the page's chart library is missing: run `make page`")
    with TemporaryDirectory() as folder:
        done = subprocess.run(
            [
                str(Path(sys.executable).parent / "uv"),
                "pip",
                "install",
                "--quiet",
                "--target",
                folder,
                "--python-version",
                python,
                "--python-platform",
                platform,
                "--only-binary",
                ":all:",
                "--require-hashes",
                "--no-config",
                "-r",
                str(PROJECT / "requirements" / "serving.txt"),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise UserError(f"the API's libraries cannot be had: {done.stderr.strip()[-500:]}")
        return pack(target, [*_own(), *_libraries(Path(folder))])


def _own() -> Iterator[tuple[str, Path]]:
    for folder, pattern in _OWN:
        for path in (PROJECT / folder).rglob(pattern):
            name = path.relative_to(PROJECT).as_posix()
            if path.is_file() and not name.startswith(_UNUSED):
                yield name, path


def _libraries(folder: Path) -> Iterator[tuple[str, Path]]:
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and not name.startswith(_UNUSED) and path.suffix not in (".pyc", ".pyi"):
            yield name, path


if __name__ == "__main__":
    made = Path(sys.argv[1] if len(sys.argv) > 1 else "target/api.zip")
    try:
        print(f"{made}: {build(made):,} bytes")
    except UserError as error:
        sys.exit(f"error: {error}")

"""The API's Lambda package: code, contract, questions, page, and the locked libraries for Lambda's platform.

Run as `python -m serving.api.package [FILE]`, after `make page`. Lambda's runtime provides boto3 and botocore.
"""

import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from loader.package import pack
from tickerlake.errors import UserError
from tickerlake.lake import PROJECT

PYTHON, PLATFORM = "3.13", "aarch64-manylinux_2_28"
"""The runtime of infra/template.yaml, as uv names it."""
_PROJECT_FILES = (
    ("serving", "*.py"),
    ("serving", "contract.json"),
    ("serving/api/static", "*"),
    ("tickerlake", "*.py"),
    ("loader", "*.py"),
    ("analyses", "*.sql"),
)
_UNUSED = ("duckdb_extension_ducklake/", "bin/")


def build(target: Path, python: str = PYTHON, platform: str = PLATFORM) -> int:
    """Download the libraries of requirements/serving.txt, write the zip and return its size in bytes.

    Raises UserError when a library cannot be downloaded, or the page's chart library is missing.
    """
    if not (PROJECT / "serving" / "api" / "static" / "vendor").exists():
        raise UserError("the page's chart library is missing: run `make page`")
    with TemporaryDirectory() as folder:
        _install(Path(folder), [PROJECT / "requirements" / "serving.txt"], python, platform)
        return pack(target, [*_project_files(), *_library_files(Path(folder))])


def build_libraries(target: Path, requirements: Iterable[Path], python: str, platform: str) -> int:
    """Download locked libraries alone, write the zip and return its size in bytes. Raises UserError as `build`."""
    with TemporaryDirectory() as folder:
        _install(Path(folder), requirements, python, platform)
        return pack(target, _library_files(Path(folder), unused=()))


def _install(folder: Path, requirements: Iterable[Path], python: str, platform: str) -> None:
    command = [str(Path(sys.executable).parent / "uv"), "pip", "install", "--quiet", "--target", str(folder)]
    command += ["--python-version", python, "--python-platform", platform, "--only-binary", ":all:"]
    command += ["--require-hashes", "--no-config"]
    for path in requirements:
        command += ["-r", str(path)]
    installation = subprocess.run(command, capture_output=True, text=True, check=False)
    if installation.returncode:
        raise UserError(f"cannot download the libraries: {installation.stderr.strip()[-500:]}")


def _project_files() -> Iterator[tuple[str, Path]]:
    for folder, pattern in _PROJECT_FILES:
        for path in (PROJECT / folder).rglob(pattern):
            name = path.relative_to(PROJECT).as_posix()
            if path.is_file() and not name.startswith(_UNUSED):
                yield name, path


def _library_files(folder: Path, unused: tuple[str, ...] = _UNUSED) -> Iterator[tuple[str, Path]]:
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and not name.startswith(unused) and path.suffix not in (".pyc", ".pyi"):
            yield name, path


if __name__ == "__main__":
    target = Path(sys.argv[1] if len(sys.argv) > 1 else "target/api.zip")
    try:
        print(f"{target}: {build(target):,} bytes")
    except UserError as error:
        sys.exit(f"error: {error}")

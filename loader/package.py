"""The Lambda package: a zip with the loader, the alerts, the seeds and libraries, equal bytes for equal input.

Not packed: boto3 and botocore, which the runtime has, and the command line with click, which no function imports.
Run as `python -m loader.package [FILE]`.
"""

import sys
import zipfile
from collections.abc import Iterable, Iterator
from importlib.metadata import distribution
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent
_LIBRARIES = (
    "python-ulid",
    "requests",
    "urllib3",
    "idna",
    "certifi",
    "charset-normalizer",
    "typing-extensions",
    "tzdata",
    "pyyaml",
)
_EXCLUDED_SUFFIXES = {".pyc", ".so", ".pyi"}
_COMMAND_LINE = (
    "loader/__main__.py",
    "loader/commands/",
    "loader/doctor.py",
    "loader/guess.py",
    "loader/landing.py",
    "loader/package.py",
)
_EPOCH = (1980, 1, 1, 0, 0, 0)


def contents() -> Iterator[tuple[str, Path]]:
    """Yield each file's name in the zip and its path: code, seeds, pure-Python libraries with their licences."""
    for name in ("serving/__init__.py", "tickerlake/__init__.py", "tickerlake/errors.py", "tickerlake/paths.py"):
        yield name, _ROOT / name
    for folder, pattern in (
        ("loader", "*.py"),
        ("loader/descriptions", "api_*.yml"),
        ("serving/alerts", "*.py"),
        ("serving/alerts", "*.json"),
        ("seeds", "*.csv"),
    ):
        for path in (_ROOT / folder).rglob(pattern):
            if not (inside := path.relative_to(_ROOT).as_posix()).startswith(_COMMAND_LINE):
                yield inside, path
    for name in _LIBRARIES:
        library = distribution(name)
        for file in library.files or []:
            inside = file.as_posix()
            is_packed = ".dist-info/" not in inside or "licen" in inside.lower() or inside.endswith("METADATA")
            if is_packed and not inside.startswith("..") and Path(inside).suffix not in _EXCLUDED_SUFFIXES:
                yield inside, Path(str(library.locate_file(file)))


def build(target: Path) -> int:
    """Write the zip and return its size."""
    return pack(target, contents())


def pack(target: Path, files: Iterable[tuple[str, Path]]) -> int:
    """Write a zip of files by name and return its size. Names are sorted and times fixed, so it is reproducible."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w") as archive:
        for name, path in sorted(files):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED, 9)
    return target.stat().st_size


if __name__ == "__main__":
    target_file = Path(sys.argv[1] if len(sys.argv) > 1 else "target/loader.zip")
    print(f"{target_file}: {build(target_file):,} bytes")

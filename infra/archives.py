"""The archives that a deployment uploads: two Lambda packages, the transformation job's project and its libraries."""

import io
import re
import subprocess
import zipfile
from hashlib import sha256
from pathlib import Path

from loader import package
from serving.api import package as api_package
from tickerlake.errors import UserError
from tickerlake.lake import PROJECT

JOB_PYTHON, JOB_PLATFORM = "3.12", "aarch64-manylinux_2_28"
"""The runtime of the template's transformation job, as uv names it."""
JOB_REQUIREMENTS = tuple(PROJECT / "requirements" / f"{name}.txt" for name in ("base", "serving"))
_SHOWN = 5
_UNUSED_BY_THE_JOB = re.compile(r"(docs|local_aws|tests/(?!warehouse/.*\.sql))")


def loader_archive() -> bytes:
    """Build the loader's Lambda package."""
    target = PROJECT / "target" / "loader.zip"
    package.build(target)
    return target.read_bytes()


def api_archive() -> bytes:
    """Build the API's Lambda package. Raises UserError when its dependencies cannot be downloaded."""
    target = PROJECT / "target" / "api.zip"
    api_package.build(target)
    return target.read_bytes()


def uncommitted() -> list[str]:
    """Return the files that differ from the last commit, the first few by name; none where git does not answer."""
    status = subprocess.run(
        ["git", "status", "--porcelain", "--no-renames"],  # noqa: S607
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    names = [line[3:] for line in status.stdout.splitlines()]
    return [*names[:_SHOWN], *([f"{len(names) - _SHOWN} more"] if len(names) > _SHOWN else [])]


def libraries_version() -> str:
    """Return a hash of what the job's libraries follow from: the locked versions and the platform."""
    locks = [path.read_bytes() for path in JOB_REQUIREMENTS]
    return sha256(b"\0".join([*locks, JOB_PYTHON.encode(), JOB_PLATFORM.encode()])).hexdigest()[:32]


def libraries_archive() -> Path:
    """Pack the job's libraries for its platform, with their locked hashes. Raises UserError when one cannot be had."""
    target = PROJECT / "target" / "libraries.zip"
    api_package.build_libraries(target, JOB_REQUIREMENTS, JOB_PYTHON, JOB_PLATFORM)
    return target


def project_archive() -> bytes:
    """Pack the committed files that the transformation job runs. Raises UserError outside a clone."""
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=PROJECT, capture_output=True, check=False)  # noqa: S607
    if listing.returncode:
        raise UserError(f"cannot list the project's files: '{PROJECT}' is no git clone; deploy from a clone")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(filter(None, listing.stdout.decode().split("\0"))):
            path = PROJECT / name
            if path.is_file() and not _UNUSED_BY_THE_JOB.match(name):
                entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
                entry.external_attr = 0o644 << 16
                archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)
    return packed.getvalue()

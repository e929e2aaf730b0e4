"""The archives that a deployment uploads: two Lambda packages, and the project that the transformation job runs."""

import io
import re
import subprocess
import zipfile

from loader import package
from serving.api import package as api_package
from tickerlake.errors import UserError
from tickerlake.lake import PROJECT

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
                archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), path.read_bytes())
    return packed.getvalue()

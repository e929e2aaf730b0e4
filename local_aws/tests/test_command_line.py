"""The command line: its help, its exit codes and its messages."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from local_aws import __main__ as command_line
from local_aws.__main__ import main
from local_aws.errors import LocalAwsError, TrinoCrashedError

ROOT = Path(__file__).resolve().parents[2]
OPTIONS = ["--port", "--region", "--heap", "--bucket", "--dynamic-filtering", "--fetch-only", "--json", "--until-eof"]


def test_help_lists_every_option_and_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert [option for option in OPTIONS if not any(option in line for line in lines)] == []
    assert [line.split()[0] for line in lines[lines.index("Exit codes:") + 1 :]] == ["0", "1", "2", "130"]


@pytest.mark.parametrize("arguments", [["--nope"], ["--port", "x"], ["extra"]])
def test_a_wrong_argument_is_exit_code_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith("Error: ")


def test_an_installed_trino_is_not_downloaded_again(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--fetch-only"]) == 0
    assert capsys.readouterr() == ("", "")


def test_a_port_in_use_is_exit_code_2() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = str(listener.getsockname()[1])
        command = [sys.executable, "-m", "local_aws", "--port", port]
        process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (process.returncode, process.stdout) == (2, "")
    assert process.stderr == f"error: cannot bind port {port}: Address already in use; pass --port\n"


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (LocalAwsError("no port"), 2, "error: no port\n"),
        (TrinoCrashedError("Trino ended 6 times"), 1, "error: Trino ended 6 times\n"),
        (KeyboardInterrupt(), 130, "stopped by Ctrl-C\n"),
    ],
)
def test_an_error_is_one_message_and_an_exit_code(
    error: BaseException,
    code: int,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail() -> None:
        raise error

    monkeypatch.setattr(command_line, "install_trino", fail)
    assert main([]) == code
    assert capsys.readouterr() == ("", message)

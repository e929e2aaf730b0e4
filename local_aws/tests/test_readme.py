"""The examples of the README work."""

import re
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

from local_aws.testing import LocalAws

ROOT = Path(__file__).resolve().parents[2]
BOTO3_EXAMPLE, PYTEST_EXAMPLE = re.findall(
    r"```python\n(.*?)```", (ROOT / "local_aws/README.md").read_text(), re.DOTALL
)


def test_the_boto3_example_returns_the_answer(aws: LocalAws) -> None:
    example = f"import time\nimport boto3\n{BOTO3_EXAMPLE}\nprint(rows[1]['Data'])"
    process = subprocess.run([sys.executable, "-c", example], capture_output=True, text=True, check=True)
    assert process.stdout == "[{'VarCharValue': '42'}]\n"


def test_the_pytest_example_starts_a_local_aws(tmp_path: Path) -> None:
    imports = """
        import functools, os, sys
        from collections.abc import Iterator
        from pathlib import Path
        import boto3, pytest
        from local_aws.testing import LocalAws, local_aws as start
        local_aws = functools.partial(start, Path(sys.executable))
    """
    test = """
        def test_the_bucket_exists(aws: LocalAws) -> None:
            assert [bucket["Name"] for bucket in boto3.client("s3").list_buckets()["Buckets"]] == ["results"]
    """
    (tmp_path / "test_example.py").write_text(dedent(imports) + PYTEST_EXAMPLE + dedent(test))
    (tmp_path / "pytest.ini").write_text(f"[pytest]\npythonpath = {ROOT}\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    process = subprocess.run(command, capture_output=True, text=True)
    assert process.returncode == 0, process.stdout + process.stderr

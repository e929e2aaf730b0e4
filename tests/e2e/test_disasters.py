"""Each disaster of docs/runbooks/lost-files.md, and its way out."""

import errno
import shutil
from pathlib import Path
from typing import Any

import pytest

from pipeline.build import build, publish_catalogue
from pipeline.dbt import Dbt, explain
from testkit.lake import Lake, bar
from tickerlake import lake as lakes
from tickerlake.errors import UserError

VARS = ("--vars", "{resample_minutes: []}")


@pytest.mark.slow
def test_lost_files_are_named_with_a_way_out_that_gives_the_same_rows(lake: Lake) -> None:
    dbt = Dbt("local", options=VARS)
    lake.land([bar(minute=f"2026-03-02T15:{minute:02}:00Z", line_number=minute) for minute in range(5)])
    assert build(dbt).problems == []

    def published() -> list[tuple[Any, ...]]:
        with lakes.connect(lake.folder) as connection:
            return connection.sql("select * exclude (batch_id) from fct_bar order by bar_start_at").fetchall()

    rows = published()
    shutil.rmtree(lake.folder / "warehouse" / "tickerlake_marts" / "fct_bar")
    lake.land(
        [bar(minute="2026-03-02T15:04:00Z", close="101", received_at="2026-03-03T01:00:00.000Z", line_number=99)],
        name="again",
    )
    problems = build(dbt).problems
    assert "a file of a table is gone: move catalog.ducklake" in problems[0]

    (lake.folder / lakes.CATALOG).write_bytes(b"no database " * 1000)
    with pytest.raises(UserError, match=r"catalogue cannot be read: move catalog.ducklake"):
        build(dbt)

    (lake.folder / lakes.CATALOG).rename(lake.folder / "catalog.lost")
    assert build(dbt).problems == []
    assert [row[:4] for row in published()] == [row[:4] for row in rows]


def test_a_full_disk_while_publishing_keeps_the_release_and_leaves_no_part(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake.folder.mkdir()
    (lake.folder / lakes.CATALOG).write_bytes(b"new")
    (lake.folder / lakes.PUBLISHED).write_bytes(b"old")

    def fill(_: Path, target: Path) -> None:
        target.write_bytes(b"ne")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("shutil.copyfile", fill)
    with pytest.raises(UserError, match=r"cannot publish in '.*': No space left on device; make room"):
        publish_catalogue()
    assert sorted(file.name for file in lake.folder.iterdir()) == [lakes.CATALOG, lakes.PUBLISHED]
    assert (lake.folder / lakes.PUBLISHED).read_bytes() == b"old"


@pytest.mark.parametrize(
    ("message", "remedy"),
    [
        ('IO Error: Cannot open file "/l/warehouse/x.parquet": No such file or directory', "a file of a table is gone"),
        ('IO Error: The file "/l/catalog.ducklake" exists, but it is not a valid DuckDB database file!', "catalogue"),
        ("IO Error: Could not write file: No space left on device", "free space"),
        ('IO Error: Cannot open file "/l/catalog.ducklake": Read-only file system', "make the lake writable"),
        ("Could not set lock on file: Conflicting lock is held in python (PID 12).", "in use by process 12"),
        ("Compilation Error in model x", ""),
    ],
)
def test_an_error_of_the_disk_has_its_remedy(message: str, remedy: str) -> None:
    assert remedy in explain(message)
    if not remedy:
        assert explain(message) == message

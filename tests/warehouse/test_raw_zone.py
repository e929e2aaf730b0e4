"""The raw zone as it is: wrong clocks, late and damaged objects, strays and odd names cost no line of the others."""

import gzip
import json
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from testkit.lake import Lake, assert_equal_marts, bar, public_marts
from testkit.raw_faults import count_readable_lines
from tickerlake import lake as lakes
from tickerlake import raw_zone

NOW = datetime.now(UTC)
GOOD_NAMES = ["what?", "a*b", "a[0-9]", "[", "two words", "ümlaut 東", "it's", 'say "x"', "a#b%20c", "{a,b}", "-", "$x"]


def hour(hours_ago: int) -> str:
    return f"{NOW - timedelta(hours=hours_ago):%Y-%m-%d %H}"


def lines(first: int, count: int, **fields: Any) -> list[dict[str, Any]]:
    """`count` bars of consecutive minutes from the given one on, received when they were young."""
    start = datetime(2026, 3, 2, 10)  # noqa: DTZ001
    return [
        bar(minute=f"{start + timedelta(minutes=i):%Y-%m-%dT%H:%M:%SZ}", line_number=i) | fields
        for i in range(first, first + count)
    ]


def text(records: list[dict[str, Any]]) -> bytes:
    return gzip.compress(b"".join(json.dumps(record).encode() + b"\n" for record in records), mtime=0)


def bars(lake: Lake) -> list[int]:
    return [row[0] for row in lake.query("select line_number from fct_bar order by 1")]


def account(lake: Lake) -> tuple[int, int]:
    """Return the lines of readable objects, counted without the engine, and those in the account; none is missing."""
    landed, missing = lake.query(
        "select sum(landed_lines), sum(abs(missing_lines)) from lake.tickerlake_audit.fct_load_audit"
    )[0]
    assert missing == 0
    return count_readable_lines(lake.folder / "raw"), landed


def audited(lake: Lake) -> dict[str, str]:
    results = lake.dbt("test", "--select", "fct_load_audit", "every_raw_object_is_readable_and_of_the_past")
    return {result.name: result.status for result in results if result.resource_type == "test"}


def build(lake: Lake, *options: str) -> None:
    """Build the bars and their account."""
    lake.run("--select", "+fct_load_audit", "unreadable_object", *options)


GREEN = {"no_missing_line_fct_load_audit_": "pass", "unique_key_fct_load_audit_dt__hr": "pass"}
WARNED = GREEN | {"every_raw_object_is_readable_and_of_the_past": "warn"}
ALL_GREEN = GREEN | {"every_raw_object_is_readable_and_of_the_past": "pass"}


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A lake whose second run meets every fault at once."""
    lake = Lake(tmp_path_factory.mktemp("raw") / "lake")
    lake.land([*lines(0, 10), b"refused"], hour(2), "first")
    lake.run()
    folder = lake.land(lines(10, 1), hour(-48), "of a wrong clock").parent.parent
    for stray in ("dt=foo/hr=15", "dt=2026-03-02.bak/hr=15", "dt=2026-02-30/hr=00", "dt=2026-03-02/hr=foo"):
        target = folder.parent / stray / "stray.ndjson.gz"
        target.parent.mkdir(parents=True)
        target.write_bytes(text(lines(100, 3)))
    for name in ("dt=2026-03-02/hr=99/stray.ndjson.gz", "dt=2026-03-02/hr=15/stray.json", "stray.ndjson.gz"):
        (folder.parent / name).parent.mkdir(parents=True, exist_ok=True)
        (folder.parent / name).write_bytes(text(lines(100, 3)))
    (folder.parent / "dt=2026-03-02/hr=15/folder.ndjson.gz").mkdir()
    whole = text(lines(20, 500))
    for name, content in {
        "empty": b"",
        "no gzip": b'{"schema_version": 1}\n',
        "tail": whole + b"garbage",
        "cut": whole[:-200],
        "cut footer": whole[:-4],
        "damaged": whole[:-8] + b"\1\2\3\4" + whole[-4:],
        "long line": gzip.compress(b'{"a": "' + b"x" * 16_000_000 + b'"}\n'),
    }.items():
        lake.land([], hour(1), name).write_bytes(content)
    lake.land(lines(600, 2), hour(90 * 24), "synchronised late")
    for number, name in enumerate(GOOD_NAMES):
        lake.land(lines(700 + number, 1), hour(1), name)
    lake.land([bar(symbol="ÄÖ", line_number=1), *lines(720, 1), b"\x85", b"\x01", b"\x02", b"\x00"], hour(1), "bytes")
    lake.land([], hour(1), "padded").write_bytes(text(lines(730, 1)) + bytes(20))
    lake.land([], hour(1), "two members").write_bytes(text(lines(731, 1)) + text(lines(732, 1)))
    lake.run()
    return lake


READ = [*range(11), 600, 601, *range(700, 700 + len(GOOD_NAMES)), 720, 730, 731, 732]


@pytest.mark.slow
def test_every_readable_line_is_read_whatever_lies_beside_it(faulty: Lake) -> None:
    assert bars(faulty) == READ
    listed, landed = account(faulty)
    assert listed == landed
    refused = faulty.query("""
        select line from lake.tickerlake_audit.quarantined_record
        where source_object like '%/bytes.ndjson.gz' and not starts_with(line, '{') order by 1
    """)
    assert refused == [("\x00",), ("\x01",), ("\x02",), ("�",)]


@pytest.mark.slow
def test_what_cannot_be_read_is_named_with_its_problem_and_warned_about(faulty: Lake) -> None:
    problems = {
        Path(path).name if dt else path: problem
        for path, dt, problem in faulty.query(
            "select source_object, dt, problem from lake.tickerlake_audit.unreadable_object"
        )
    }
    ends = "Compressed file ended before the end-of-stream marker was reached"
    damaged = problems.pop("damaged.ndjson.gz")
    assert damaged.startswith("CRC check failed")
    assert problems == {
        "empty.ndjson.gz": "0 bytes",
        "no gzip.ndjson.gz": "Not a gzipped file (b'{\"')",
        "tail.ndjson.gz": "Not a gzipped file (b'ga')",
        "cut.ndjson.gz": ends,
        "cut footer.ndjson.gz": ends,
        "long line.ndjson.gz": "a line has more than 15999999 bytes",
        "bars/dt=foo": "not a folder dt=YYYY-MM-DD",
        "bars/dt=2026-03-02.bak": "not a folder dt=YYYY-MM-DD",
        "bars/dt=2026-02-30": "not a folder dt=YYYY-MM-DD",
        "bars/stray.ndjson.gz": "not a folder dt=YYYY-MM-DD",
        "bars/dt=2026-03-02/hr=foo": "not a folder hr=00 to hr=23",
        "bars/dt=2026-03-02/hr=99": "not a folder hr=00 to hr=23",
        "stray.json": "not an object: its name does not end in .ndjson.gz",
        "folder.ndjson.gz": "not a file",
    }
    assert audited(faulty) == WARNED


@pytest.mark.slow
def test_replaced_objects_are_read_and_the_lake_equals_a_full_refresh(faulty: Lake, tmp_path: Path) -> None:
    lake = replace(faulty, folder=tmp_path / "lake")
    shutil.copytree(faulty.folder, lake.folder)
    raw = lake.folder / "raw" / "bars"
    for name in ("dt=foo", "dt=2026-03-02.bak", "dt=2026-02-30", "dt=2026-03-02", "stray.ndjson.gz"):
        shutil.rmtree(raw / name) if (raw / name).is_dir() else (raw / name).unlink()
    for number, name in enumerate(("empty", "no gzip", "tail", "cut", "cut footer", "damaged", "long line")):
        lake.land(lines(800 + number, 1), hour(1), name)
    # of the true hours, after the object of a wrong clock; and one that holds more than it did
    lake.land(lines(810, 2), hour(0), "true")
    lake.land([*lines(0, 10), *lines(820, 1)], hour(2), "first")
    lake.run()
    assert bars(lake) == sorted([*READ, *range(800, 807), 810, 811, 820])
    listed, landed = account(lake)
    assert listed == landed
    assert audited(lake) == WARNED  # the object of a wrong clock is still there
    assert_equal_marts(lake, lake.refreshed(), public_marts())


@pytest.mark.slow
def test_a_recorded_hour_that_cannot_be_heals_by_itself(lake: Lake) -> None:
    """Earlier releases recorded the hour of a stray folder, or one to come."""
    lake.land(lines(0, 2), hour(100))
    build(lake)
    for number, poison in enumerate(("foo 15", hour(-48), "2026-03-02 foo")):
        with duckdb.connect(config={"extension_directory": str(lakes.extensions())}) as writer:
            for statement in lakes.attach_statements(lake.folder, lakes.CATALOG, is_read_only=False):
                writer.execute(statement)
            writer.execute(f"update lake.tickerlake_audit.model_watermark set arrival_until = '{poison}'")
            writer.execute("drop table lake.tickerlake_audit.raw_object")
        lake.land(lines(10 + number, 1), hour(90 - number))
        build(lake)
    assert bars(lake) == [0, 1, 10, 11, 12]
    build(lake)
    assert set(
        lake.query("""
        select max_by(arrival_until, record_id) from lake.tickerlake_audit.model_watermark
        where model in ('int_line__validated', 'fct_bar') group by model
    """)
    ) == {(hour(88),)}


@pytest.mark.slow
def test_a_receipt_in_the_future_does_not_beat_a_later_correction(lake: Lake) -> None:
    lake.land([bar(close="100", received_at="2099-01-01T00:00:00.000Z")], "2026-03-02 16", "wrong")
    build(lake)
    assert lake.query("select received_at from fct_bar") == [(datetime(2026, 3, 2, 17),)]  # noqa: DTZ001
    lake.land([bar(close="101", received_at="2026-03-02T17:30:00.000Z")], "2026-03-02 17", "right")
    build(lake)
    assert lake.query("select close from fct_bar") == [(101,)]


@pytest.mark.slow
def test_an_object_that_loses_lines_which_are_stored_fails_the_account(lake: Lake) -> None:
    lake.land(lines(0, 4), hour(50), "rewritten")
    build(lake)
    lake.land(lines(0, 2), hour(50), "rewritten")
    build(lake)
    assert audited(lake)["no_missing_line_fct_load_audit_"] == "fail"
    build(lake, "--full-refresh")
    assert bars(lake) == [0, 1]
    assert audited(lake) == ALL_GREEN


@pytest.mark.slow
def test_an_object_that_is_damaged_or_deleted_after_it_was_read_keeps_its_lines(lake: Lake) -> None:
    damaged = lake.land([*lines(0, 4), b"refused"], hour(3), "damaged later")
    deleted = lake.land([*lines(4, 2), b"refused"], hour(3), "deleted later")
    lake.land(lines(6, 2), hour(3), "whole")
    build(lake)
    damaged.write_bytes(damaged.read_bytes()[:-9])
    deleted.unlink()
    build(lake)
    assert bars(lake) == list(range(8))
    assert audited(lake) == WARNED


@pytest.mark.parametrize("size", [0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 15_999_999, 16_000_000])
def test_lines_of_any_length_are_counted_across_the_chunks_that_are_read(tmp_path: Path, size: int) -> None:
    path = tmp_path / "object.ndjson.gz"
    path.write_bytes(gzip.compress(b"{}\r\n" + b"x" * size + b"\n  \n\r{}", 1))
    content = raw_zone.inspect(path)
    is_too_long = size > raw_zone.LONGEST_LINE
    assert content.lines == (0 if is_too_long else 2 + bool(size))
    assert bool(content.problem) == is_too_long

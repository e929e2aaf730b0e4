"""A lake may lie in any folder that DuckDB can open: its rows, source_object included, are those of a plain folder."""

import subprocess
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from loader.settings import read_settings
from pipeline.__main__ import main
from serving.api.__main__ import main as serve
from testkit.lake import DBT, Lake, bar
from tickerlake import lake as lakes
from tickerlake.errors import UserError

FOLDERS = ["lake[1]", "o'brien", "two  words, Zürich 数据; 50%", '[!a] st*r a{b}c q"uote']
OBJECTS = ["plain", "a b", "what?", "st*r", "x[1]", "o'brien", "Zürich"]


def land(lake: Lake) -> Lake:
    for number, name in enumerate(OBJECTS):
        lake.land([bar(minute=f"2026-03-02T15:0{number}:00Z", line_number=number), b"garbage"], name=name)
    return lake


def lines(lake: Lake, connection_sql: str = "") -> list[tuple[object, ...]]:
    return lake.query(
        connection_sql
        or "select symbol, event_at, close, source_object, line_number, line, reasons, dt, hr "
        "from lake.tickerlake_intermediate.int_line__validated order by all"
    )


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[object, ...]]:
    """The rows of the same deliveries in a plain folder."""
    lake = land(Lake(tmp_path_factory.mktemp("plain") / "lake"))
    lake.run("--select", "+int_line__validated")
    return lines(lake)


@pytest.mark.slow
@pytest.mark.parametrize("name", FOLDERS)
def test_a_lake_in_any_folder_has_the_rows_of_a_plain_one(
    lake: Lake, plain: list[tuple[object, ...]], name: str
) -> None:
    ours = land(replace(lake, folder=lake.folder / name))
    ours.run("--select", "+int_line__validated")
    assert lines(ours) == plain
    assert len(plain) == 2 * len(OBJECTS)
    ours.run("--select", "+int_line__validated")  # the run after it finds its catalogue and reads the overlap again
    assert lines(ours) == plain


@pytest.mark.slow
@pytest.mark.parametrize("spelling", ["{lake}//", "{lake}/../lake", "./lake/"])
def test_dbt_itself_reads_the_lake_however_its_folder_is_spelled(
    lake: Lake, plain: list[tuple[object, ...]], spelling: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With --project-dir from another folder; a relative folder is the pipeline's business."""
    land(lake)
    lake.run("--select", "+int_line__validated")
    elsewhere = lake.folder.parent
    monkeypatch.chdir(elsewhere)
    given = spelling.format(lake=lake.folder)
    folder = given if given.startswith("/") else str(lakes.folder(given))
    done = subprocess.run(
        [str(DBT), "run", "--select", "+int_line__validated", "--target", "local", "--vars", "{resample_minutes: []}",
         "--project-dir", str(lakes.PROJECT), "--profiles-dir", str(lakes.PROJECT),
         "--target-path", str(elsewhere / "target"), "--log-path", str(elsewhere / "logs")],
        env=lake.environment() | {"TICKERLAKE_LAKE": folder},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:]
    assert lines(lake) == plain


@pytest.mark.parametrize("spelling", ["{lake}/", "{lake}//", "{lake}/../lake", "lake", "./lake/", "x/../lake"])
def test_loader_and_readers_agree_on_the_folder(tmp_path: Path, spelling: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    given = spelling.format(lake=tmp_path / "lake")
    assert lakes.folder(given) == tmp_path / "lake"
    assert read_settings(given).lake == tmp_path / "lake"
    monkeypatch.setenv("TICKERLAKE_LAKE", given)
    assert lakes.folder() == tmp_path / "lake"
    assert read_settings(None).lake == tmp_path / "lake"


def test_loader_and_pipeline_have_the_same_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TICKERLAKE_LAKE", raising=False)
    assert read_settings(None).lake == lakes.folder() == lakes.PROJECT / "lake"


@pytest.mark.parametrize("name", ["wh?t", "back\\slash", "two\nlines"])
def test_a_folder_that_is_not_supported_is_refused_by_name(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UserError, match="which is not supported: choose another folder"):
        read_settings(str(tmp_path / name))
    for command in (main, serve):
        arguments = ["--lake", str(tmp_path / name), *(["sql", "select 1"] if command is main else [])]
        assert command(arguments) == 2
        assert "which is not supported: choose another folder" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", FOLDERS)
def test_readers_attach_a_catalogue_in_any_folder(tmp_path: Path, name: str) -> None:
    import duckdb

    folder = tmp_path / name
    (folder / "warehouse").mkdir(parents=True)
    with closing(duckdb.connect(config={"extension_directory": str(lakes.extensions())})) as connection:
        for statement in lakes.attach_statements(folder, lakes.CATALOG, is_read_only=False):
            connection.execute(statement)
        connection.execute("create table lake.main.numbers as select range as number from range(5000)")
    with closing(lakes.connect(folder, lakes.CATALOG)) as connection:
        assert connection.sql("select count(*) from lake.main.numbers").fetchall() == [(5000,)]
    assert list(folder.rglob("*.parquet"))

"""After publishing: compact the tables' files, and delete those that neither a version nor a reader needs."""

from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from pipeline.dbt import Dbt
from tickerlake import lake
from tickerlake.errors import UserError

_HOOKS_TABLES = ("model_watermark", "raw_object", "release")
"""What the hooks and publishing write, a small file with every run."""
_OLD_VERSIONS = """
select list(snapshot_id) from __ducklake_metadata_lake.ducklake_snapshot
where snapshot_time < $1 and snapshot_id < (select max(snapshot_id) from published.ducklake_snapshot)
"""
_FIRST_NEEDED = """
select min(schedule_start) from __ducklake_metadata_lake.ducklake_files_scheduled_for_deletion
where split_part(path, '/', -1) in (
  select split_part(path, '/', -1) from published.ducklake_data_file where end_snapshot is null
  union all
  select split_part(path, '/', -1) from published.ducklake_delete_file where end_snapshot is null
)
"""


def maintain(dbt: Dbt) -> Iterator[str]:
    """Compact and clean up by each model's meta.maintenance; yield one line of figures per table.

    Raises UserError when nothing is published yet, or another run has the lake open.
    """
    if dbt.adapter() != "duckdb":
        yield from dbt.read_lines("maintain")
        return
    models = {
        f"{n.schema}.{n.alias}": n.config.meta["maintenance"]
        for n in dbt.nodes().values()
        if n.config.materialized == "incremental" and n.config.meta.get("maintenance")
    }
    audit = next(n for n in dbt.nodes().values() if n.name == "fct_load_audit")
    models |= {f"{audit.schema}.{table}": audit.config.meta["maintenance"] for table in _HOOKS_TABLES}
    yield from maintain_lake(lake.folder(), models, timedelta(hours=dbt.variable("reader_hours")))


def maintain_lake(folder: Path, models: Mapping[str, Mapping[str, Any]], readers: timedelta) -> Iterator[str]:
    """Maintain a lake on one machine: models are {schema.table: {target_mb, keep_days}}, `readers` as in _clean_up."""
    if not (folder / lake.PUBLISHED).exists():
        raise UserError(f"nothing is published in '{folder}': run `make build` before maintenance")
    before = _parquet(folder)
    try:
        with closing(duckdb.connect(config={"extension_directory": str(lake.extensions())})) as connection:
            for statement in lake.attach_statements(folder, lake.CATALOG, is_read_only=False):
                connection.execute(statement)
            yield from _compact(connection, models)
            keep = timedelta(days=max(settings["keep_days"] for settings in models.values()))
            versions = _clean_up(connection, folder, keep, readers)
    except duckdb.Error as error:
        raise UserError(" ".join(str(error).split())) from None
    after = _parquet(folder)
    yield f"lake: files {before[0]} -> {after[0]}, bytes {before[1]} -> {after[1]}, versions expired {versions}"


def _compact(connection: duckdb.DuckDBPyConnection, models: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Merge each table's small files, and rewrite those with many deleted rows."""
    tables = "select schema_name || '.' || table_name from duckdb_tables() where database_name = 'lake'"
    existing = {row[0] for row in connection.execute(tables).fetchall()}
    for model, settings in models.items():
        if model not in existing:
            continue
        schema, table = model.split(".")
        before = _size(connection, schema, table)
        if not before[0]:
            continue
        target = f"'{table}', schema => '{schema}'"
        connection.execute(
            f"call ducklake_set_option('lake', 'target_file_size', '{settings['target_mb']}MB', "
            f"schema => '{schema}', table_name => '{table}')"
        )
        connection.execute(f"call ducklake_rewrite_data_files('lake', {target}, delete_threshold => 0.3)")
        connection.execute(f"call ducklake_merge_adjacent_files('lake', {target})")
        after = _size(connection, schema, table)
        yield f"{table}: files {before[0]} -> {after[0]}, bytes {before[1]} -> {after[1]}"


def _clean_up(connection: duckdb.DuckDBPyConnection, folder: Path, keep: timedelta, readers: timedelta) -> int:
    """Expire the versions older than `keep`, and delete unneeded files. Return the number of expired versions.

    Readers open a copy of the catalogue. The version that the copy shows stays, and no file that it names is deleted;
    replaced files stay for `readers` longer, for those who have an earlier copy open.
    """
    now = datetime.now(UTC)
    connection.execute(f"attach {lake.quote(folder / lake.PUBLISHED)} as published (read_only)")
    (old,) = connection.execute(_OLD_VERSIONS, [now - keep]).fetchall()[0]
    if old:
        connection.execute(f"call ducklake_expire_snapshots('lake', versions => {old})")
    (needed_since,) = connection.execute(_FIRST_NEEDED).fetchall()[0]
    until = min(now - readers, needed_since or now)
    connection.execute(f"call ducklake_cleanup_old_files('lake', older_than => timestamptz '{until.isoformat()}')")
    return len(old or [])


def _size(connection: duckdb.DuckDBPyConnection, schema: str, table: str) -> tuple[int, int]:
    files, size = connection.execute(
        "select count(*), coalesce(sum(info.data_file_size_bytes + coalesce(info.delete_file_size_bytes, 0)), 0) "
        "from ducklake_list_files('lake', $1, schema => $2) as info",
        [table, schema],
    ).fetchall()[0]
    return int(files), int(size)


def _parquet(folder: Path) -> tuple[int, int]:
    sizes = [file.stat().st_size for file in (folder / "warehouse").rglob("*.parquet")]
    return len(sizes), sum(sizes)

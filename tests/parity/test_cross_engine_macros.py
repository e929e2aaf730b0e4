"""Every cross-engine macro means the same on both engines: a table of cases, one column each, evaluated on both."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from testkit.athena import AthenaWarehouse
from testkit.lake import Lake, compiled
from tickerlake.lake import PROJECT

pytestmark = pytest.mark.aws

# Macros whose meaning is a table, a statement or a configuration; where they are held to it instead.
ELSEWHERE = {
    "acquire_lease": "test_a_second_run_waits_for_the_lease",
    "release_lease": "test_a_second_run_waits_for_the_lease",
    "at_version": "test_a_bound_later_than_what_must_be_written_is_refused_and_readers_stay",
    "table_versions": "test_a_bound_later_than_what_must_be_written_is_refused_and_readers_stay",
    "create_audit_table": "every run",
    "create_raw_table": "every run",
    "raw_lines": "every run",
    "first_arrival_date": "test_a_full_refresh_equals_the_increments",
    "maintain": "test_maintenance_packs_files_and_spares_what_the_release_shows",
    "merge_floor": "test_a_planned_build_heals_killed_runs_bounds_its_merges_passes_its_tests_and_publishes",
    "merge_predicates": "test_a_planned_build_heals_killed_runs_bounds_its_merges_passes_its_tests_and_publishes",
    "partition_by": "every run",
    "fail_if_concurrent": "check_one_machine of test_dbt_commands.py",
    "list_raw_objects": "test_raw_zone.py",
    "raw_objects": "test_raw_zone.py",
    "empties_replaced": "test_a_length_that_is_no_longer_wanted_leaves_no_row",
    "unsupported_engine": "a compile error",
    "warehouse_database": "every run",
}

_MOMENTS = [
    "2020-02-28 23:59:00",
    "2020-02-29 00:00:00.123456",
    "2021-02-28 12:00:00",
    "1970-01-01 00:00:00",
    "2020-03-08 06:59:59",
    "2020-03-08 07:00:00",
    "2020-11-01 05:30:00",
    "2020-11-01 06:30:00",
    "2049-12-31 23:59:00",
]
_WALL_CLOCKS = [  # times that exist once; the repeated and the missing hour are below
    "2020-03-08 01:59:00",
    "2020-03-08 03:00:00",
    "2020-07-01 09:30:00",
    "2020-11-01 00:59:00",
    "2020-11-01 02:00:00",
    "2020-12-31 16:00:00",
]
_ZONES = ["America/New_York", "UTC", "Europe/London", "Asia/Tokyo", "Asia/Kolkata", "Australia/Lord_Howe"]
_LINES = [
    '{"a": "x"}',
    '{"a": "12.50"}',
    '{"a": 12.50}',
    '{"a": 12}',
    '{"a": -0.1}',
    '{"a": true}',
    '{"a": null}',
    '{"a": ""}',
    "{}",
    '{"b": 1}',
    '{"a": {"b": 1}}',
    '{"a": [1]}',
    '{"a": "{"}',
    '{"a": "[x"}',
    '{"a": "\\u00e9"}',
    '{"a": "\\u0001"}',
    '{"a": "q\\"q"}',
    '{"a": "tab\\there"}',
    "null",
    "[1, 2]",
    '"x"',
    "12",
    "",
    " ",
    "{",
    '{"a": 1',
    '{"a": 1}}',
    "not json",
    '  {"a": "led by blanks"}',
    '{"a": "x",}',
    '{"a": 123456789012345678901234567890}',
    '{"a": "NULL"}',
    "{\"a\": 'x'}",
    '{"a": NaN}',
    '{"a": -Infinity}',
    '{"a": "NaN"}',
    '{"a": "x,}"}',
    '{"a": [1,]}',
    '{"a": "x\x01y"}',
    '{"a": 1e5}',
    '{"a": 12345678.5}',
    '{"a": 1.0}',
    '{"a": -12}',
    '{"a": "\\\\"}',
    '{"a": ":NaN"}',
]
_NUMBERS = [
    "1",
    "-1",
    "0",
    "-0",
    "0.1",
    "-0.1",
    "1.000000005",
    "1.000000004999",
    "-1.000000005",
    "-1.0000000049",
    "0.000000005",
    "9999999999.99999999",
    "9999999999.999999995",
    "10000000000",
    "99999999999999999999",
    "1e5",
    "1_000",
    " 1",
    "1 ",
    "+1",
    "",
    ".5",
    "5.",
    "1.2.3",
    "NaN",
    "Infinity",
    "0x10",
    "1,5",
    "00012.50",
    "1.0000000000000000001",
    "--1",
]
_TIMES = [
    "2020-02-29T12:00:00Z",
    "2021-02-29T12:00:00Z",
    "2020-02-29T12:00:00.123456Z",
    "2020-02-29T12:00:00.1Z",
    "2020-02-29T12:00:00.1234567Z",
    "2020-02-29T12:00:00+02:00",
    "2020-02-29T12:00:00",
    "2020-02-29 12:00:00Z",
    "2020-13-01T00:00:00Z",
    "2020-12-31T24:00:00Z",
    "2020-12-31T23:59:60Z",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z",
    "",
    "T",
    "2020-02-29T12:00Z",
]
_TEXTS = ["", "x", "é", "漢字", "a b", "it's"]


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _jinja(text: str) -> str:
    """A Jinja string that holds a SQL expression."""
    return json.dumps(text)


def _timestamp(text: str) -> str:
    return "cast(" + _literal(text) + " as timestamp(6))"


def cases() -> dict[str, str]:
    """Name of a case: the Jinja that makes its SQL expression."""
    expressions = {
        "current_utc": "{{ minutes_between(current_utc(), current_utc()) }}",
        "type_timestamp": "cast('2020-02-29 12:00:00.123456' as {{ type_timestamp() }})",
        "matches of null": "{{ matches('cast(null as varchar)', '^x') }}",
        "add_units null": "{{ add_units('cast(null as timestamp)', 1, 'day') }}",
        "sha256_text of null": "{{ sha256_text('cast(null as varchar)') }}",
        "json_text of null": "{{ json_text(\"(\" ~ json_fields('cast(null as varchar)', ['a']) ~ \").a\") }}",
        "number_series": "(select sum(number) from {{ number_series(0, 743) }} as s)",
        "number_series single": "(select count(*) from {{ number_series(5, 5) }} as s)",
    }
    for step, first, last in [
        ("day", "2000-01-01", "2027-12-31"),
        ("day", "2020-02-28", "2020-03-01"),
        ("day", "2020-02-29", "2020-02-29"),
        ("day", "2020-01-15", "2020-03-10"),
        ("month", "1970-01-01", "2049-12-01"),
    ]:
        series = "{{ date_series('" + first + "', '" + last + "', '" + step + "') }}"
        for aggregate in ("count(*)", "min(day)", "max(day)", "count(distinct day)"):
            expressions[f"date_series {first} {last} {step} {aggregate}"] = f"(select {aggregate} from {series} as s)"
    for moment in _MOMENTS:
        for amount, unit in [(1, "day"), (-1, "day"), (90, "minute"), (-90, "minute"), (25, "hour"), (0, "hour")]:
            expressions[f"add_units {moment} {amount} {unit}"] = (
                "{{ add_units(" + _jinja(_timestamp(moment)) + f", {amount}, '{unit}') }}}}"
            )
        for zone in _ZONES:
            expressions[f"utc_to_local {moment} {zone}"] = (
                "{{ utc_to_local(" + _jinja(_timestamp(moment)) + f", \"'{zone}'\") }}}}"
            )
    for clock in _WALL_CLOCKS:
        for zone in _ZONES:
            expressions[f"local_to_utc {clock} {zone}"] = (
                "{{ local_to_utc(" + _jinja(_timestamp(clock)) + f", \"'{zone}'\") }}}}"
            )
    for earlier, later in [
        ("2020-03-08 01:00:00", "2020-03-08 04:00:00"),
        ("2020-02-28 00:00:00", "2020-03-01 00:00:00"),
        ("2020-01-01 00:01:00", "2020-01-01 00:00:00"),
        ("2020-01-01 00:00:00", "2020-01-01 00:00:00"),
    ]:
        expressions[f"minutes_between {earlier} {later}"] = (
            "{{ minutes_between(" + _jinja(_timestamp(earlier)) + ", " + _jinja(_timestamp(later)) + ") }}"
        )
    for line in _LINES:
        record = "json_fields(" + _jinja(_literal(line)) + ", ['a'])"
        expressions[f"json_fields {line!r} is null"] = "({{ " + record + " }}) is null"
        expressions[f"json_text {line!r}"] = "{{ json_text('(' ~ " + record + " ~ ').a') }}"
    for line in (
        '{"a": 0.00001}',
        '{"a": 0.0001}',
        '{"a": 0.00099}',
        '{"a": -1.5e-3}',
        '{"a": 123456789.125}',
        '{"a": 9e99}',
    ):
        text = "json_text('(' ~ json_fields(" + _jinja(_literal(line)) + ", ['a']) ~ ').a')"
        expressions[f"parse_decimal of json {line}"] = "{{ parse_decimal(" + text + ", 18, 8) }}"
    for number in _NUMBERS:
        expressions[f"parse_decimal {number!r}"] = "{{ parse_decimal(" + _jinja(_literal(number)) + ", 18, 8) }}"
        expressions[f"parse_decimal {number!r} volume"] = "{{ parse_decimal(" + _jinja(_literal(number)) + ", 18, 4) }}"
    for time in _TIMES:
        expressions[f"parse_utc {time!r}"] = "{{ parse_utc(" + _jinja(_literal(time)) + ") }}"
    for text in _TEXTS:
        expressions[f"sha256_text {text!r}"] = "{{ sha256_text(" + _jinja(_literal(text)) + ") }}"
        for pattern in ("^[A-Z]{3}$", "x", "^$", "^[A-Z0-9][A-Z0-9.=^/-]{0,19}$"):
            expressions[f"matches {text!r} {pattern}"] = "{{ matches(" + _jinja(_literal(text)) + f", '{pattern}') }}}}"
    for price, before, after in [
        ("0.00000001", "1", "2"),
        ("0.00000003", "1", "2"),
        ("123.45", "10", "1"),
        ("-1.5", "1", "3"),
    ]:
        expressions[f"rescaled {price} {before} {after}"] = f"{{{{ rescaled('{price}', '{before}', '{after}') }}}}"
    return expressions


def test_every_cross_engine_macro_has_cases_or_a_test_elsewhere() -> None:
    macros = {file.stem for file in (PROJECT / "macros" / "cross_engine").glob("*.sql")}
    named = {name.split()[0] for name in cases()} & macros
    assert macros == named | ELSEWHERE.keys()


def test_each_case_gives_the_same_value_on_both_engines(
    athena_warehouse: Callable[[str], AthenaWarehouse], tmp_path: Path
) -> None:
    athena, wanted = athena_warehouse("cases"), cases()
    names = list(wanted)
    template = "select\n" + ",\n".join(f"{expression} as c{i}" for i, expression in enumerate(wanted.values()))
    local_sql = compiled(template, Lake(tmp_path).environment())
    athena_sql = compiled(template, athena.environment(), "aws")
    connection = duckdb.connect()
    connection.execute("set TimeZone = 'UTC'")
    answer = connection.sql(local_sql)
    here = dict(zip(answer.columns, answer.fetchall()[0], strict=True))
    there = athena.rows(athena_sql)[0]
    differing = []
    for i, name in enumerate(names):
        ours, theirs = _plain(here[f"c{i}"]), _plain(there[f"c{i}"])
        if ours != theirs:
            differing.append(f"{name}: DuckDB {ours!r}, Athena {theirs!r}\n    {wanted[name]}")
    assert not differing, f"{len(differing)} of {len(names)} cases differ:\n" + "\n".join(differing)


def _plain(value: Any) -> Any:
    return int(value) if isinstance(value, int) and not isinstance(value, bool) else value

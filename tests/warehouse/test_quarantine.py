"""Every rule refuses its mutant, every line goes exactly one way, and no byte in a line breaks a build."""

import gzip
import re
from pathlib import Path
from typing import Any

import pytest

from testkit.daily import action, day, land
from testkit.lake import Lake, bar, project_copy

MUTANTS: dict[int, dict[str, Any] | bytes] = {
    1: b'{"schema_version":1,"symbol":"TS',
    2: {"schema_version": 2},
    3: {"symbol": "tsla"},
    4: {"bar_interval": "2min"},
    5: {"source": "nobody"},
    6: {"price_basis": "guessed"},
    7: {"currency": "usd"},
    8: {"bar_start": "2026-03-02 15:00"},
    9: {"bar_start": "2026-03-02T15:00:30Z"},
    10: {"bar_start": "2026-03-03T00:06:00Z"},
    11: {"bar_start": "1969-12-31T23:59:00Z"},
    12: {"close": "1e2"},
    13: {"low": "-0.01"},
    14: {"volume": None},
    15: {"volume": "-1"},
    16: {"high": "99.5", "low": "99"},
    17: {"high": "101", "low": "100.5"},
    18: {"received_at": "yesterday"},
    19: day("AAPL", "2026-3-2"),
    20: day("AAPL", "2026-06-03"),
    21: day("AAPL", "1899-12-29"),
    22: day("AAPL", adjusted_close="0"),
    23: action("AAPL", "merger", "2026-03-02", "1"),
    24: action("AAPL", "split", "soon", "2"),
    25: action("AAPL", "split", "2026-03-02", "-2"),
    26: action("AAPL", "dividend", "2026-03-02", "1") | {"amount": None},
}


def land_mutants(lake: Lake) -> Lake:
    """Land one good line and the mutant of every rule, each in an object of its own."""
    lake.land([bar()], name="good")
    for number, mutant in MUTANTS.items():
        fields = mutant if isinstance(mutant, dict) else {}
        dataset = "daily_bars" if "session_date" in fields else "corporate_actions" if "kind" in fields else "bars"
        is_whole = isinstance(mutant, bytes) or dataset != "bars"
        line = mutant if is_whole else bar(symbol="AAPL", line_number=number) | fields
        land(lake, dataset, [line], name=f"mutant-{number}")
    return lake


@pytest.fixture(scope="module")
def mutants_lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    lake = land_mutants(Lake(tmp_path_factory.mktemp("quarantine") / "lake"))
    lake.run("--select", "+fct_bar", "quarantined_record")
    return lake


def test_every_rule_refuses_its_mutant_for_its_reason(mutants_lake: Lake) -> None:
    refused = {
        int(path.rpartition("-")[2].partition(".")[0]): reasons.split(",")
        for path, reasons in mutants_lake.query(
            "select source_object, reasons from lake.tickerlake_audit.quarantined_record"
        )
    }
    expected = {
        1: ["not_json"],
        2: ["schema_version_unknown"],
        3: ["symbol_malformed"],
        4: ["bar_interval_unknown"],
        5: ["source_unknown"],
        6: ["price_basis_unknown"],
        7: ["currency_malformed"],
        8: ["bar_start_malformed"],
        9: ["bar_start_off_minute"],
        10: ["bar_start_in_future"],
        11: ["bar_start_out_of_range"],
        12: ["price_malformed"],
        13: ["price_not_positive"],
        14: ["volume_malformed"],
        15: ["volume_negative"],
        16: ["high_below_range"],
        17: ["low_above_range"],
        18: ["lineage_malformed"],
        19: ["session_date_malformed"],
        20: ["session_date_in_future"],
        21: ["session_date_out_of_range"],
        22: ["adjusted_close_malformed"],
        23: ["kind_unknown"],
        24: ["effective_date_malformed"],
        25: ["ratio_malformed"],
        26: ["amount_malformed"],
    }
    assert refused == expected
    assert [key[0] for key in mutants_lake.mart("fct_bar")] == ["TSLA"]


def test_the_mutants_cover_every_rule(mutants_lake: Lake) -> None:
    source = (mutants_lake.project / "macros" / "validation" / "bar_rules.sql").read_text()
    assert source.count("'number':") == len(MUTANTS)


@pytest.mark.slow
def test_a_rule_that_is_taken_away_lets_its_mutant_through_and_no_other(tmp_path: Path) -> None:
    project = project_copy(tmp_path / "project")
    reasons = project / "macros" / "validation" / "bar_reasons.sql"
    text, replacements = re.subn(
        r"(set rules = .*)",
        r"\1\n{%- for rule in rules if rule.number == env_var('TAKEN_AWAY') | int -%}"
        r"{%- do rule.update({'when': 'false'}) -%}{%- endfor -%}",
        reasons.read_text(),
    )
    assert replacements == 1
    reasons.write_text(text)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("TAKEN_AWAY", "0")
        lake = land_mutants(Lake(tmp_path / "lake", project))
        for number in MUTANTS:
            environment.setenv("TAKEN_AWAY", str(number))
            lake.run("--select", "+int_line__validated")
            accepted = "select source_object from lake.tickerlake_intermediate.int_line__validated where reasons = ''"
            names = sorted(Path(path).name.partition(".")[0] for (path,) in lake.query(accepted))
            # what is no JSON at all has no fields for the other rules either
            assert names == (["good"] if number == 1 else ["good", f"mutant-{number}"])


@pytest.mark.slow
@pytest.mark.parametrize("symbol", ["VIX", "EURUSD"])
def test_an_asset_without_volume_may_leave_it_out(lake: Lake, symbol: str) -> None:
    lake.land([bar(symbol, volume=None)])
    lake.run()
    assert [row["volume"] for row in lake.mart("fct_bar").values()] == [None]


def test_no_byte_in_a_line_breaks_a_build_or_loses_its_neighbours(lake: Lake) -> None:
    nasty: list[dict[str, Any] | bytes] = [
        b"a\x01b",
        b"\\N",
        b"\xef\xbb\xbf{}",
        b"\xff\xfe",
        b'"quoted"',
        b"'",
        b"null",
        b"[1,2]",
        b'{"a":{"b":1}}',
        b"\x00",
        b"tab\there",
        b"crlf\r",
        b"x" * 2_000_000,
    ]
    lines = [bar(line_number=1), *nasty, bar(minute="2026-03-02T15:01:00Z", line_number=2)]
    lake.land([*lines, b"", b"   "])
    lake.run()
    assert len(lake.mart("fct_bar")) == 2
    kept = lake.query("select sum(occurrences), max(length(line)) from lake.tickerlake_audit.quarantined_record")
    assert kept == [(len(nasty), 2_000_000)]


def test_a_refused_line_is_counted_once_per_object_and_kept_with_its_text(lake: Lake) -> None:
    lake.land([b"oops", b"oops", bar()], name="one")
    lake.land([b"oops"], name="two")
    lake.run()
    rows = lake.query("""
        select source_object, line, occurrences from lake.tickerlake_audit.quarantined_record order by source_object
    """)
    folder = "bars/dt=2026-03-02/hr=15"
    assert rows == [(f"{folder}/one.ndjson.gz", "oops", 2), (f"{folder}/two.ndjson.gz", "oops", 1)]


def test_a_row_traces_back_to_the_line_it_came_from(lake: Lake) -> None:
    lake.land([bar(minute=f"2026-03-02T15:{i:02d}:00Z", line_number=i) for i in range(5)])
    lake.run()
    path, number = lake.query("select source_object, line_number from fct_bar where bar_start_at = '2026-03-02 15:03'")[
        0
    ]
    raw = gzip.decompress((lake.folder / "raw" / path).read_bytes()).splitlines()
    assert b'"2026-03-02T15:03:00Z"' in raw[number]


def test_decimals_keep_eight_places_rounded_half_up(lake: Lake) -> None:
    lake.land([bar(open="1.000000005", high="2.123456785", low="0.999999994", close="2.1234567849", volume="7.00005")])
    lake.run()
    row = next(iter(lake.mart("fct_bar").values()))
    texts = [str(row[name]) for name in ("open", "high", "low", "close", "volume")]
    assert texts == ["1.00000001", "2.12345679", "0.99999999", "2.12345678", "7.0001"]

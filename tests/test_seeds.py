"""Each wrong row of a seed is named with its file, line and value before anything is built."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.build import build
from pipeline.dbt import Dbt
from pipeline.seeds import check_seeds, list_problems
from testkit.lake import Lake, bar, project_copy
from tickerlake import lake as lakes
from tickerlake.errors import UserError

SEEDS = lakes.PROJECT / "seeds"
# rows appended to a seed, each with the column that is wrong and a part of what to write
WRONG = {
    "symbol": [
        ("TSLA,Tesla again,stock,XNYS,USD,true", "symbol TSLA", "is also in line 2"),
        ("tsla,Tesla,stock,XNYS,USD,true", "symbol is 'tsla'", "write a symbol of A-Z"),
        (" ,Blank,stock,XNYS,USD,true", "symbol is ' '", "it is required"),
        ("ABC ,Blank,stock,XNYS,USD,true", "symbol is 'ABC '", "without blanks"),
        ("ABC,A,bond,XNYS,USD,true", "asset_class is 'bond'", "one of stock, etf"),
        ("ABC,A,stock,XNAS,USD,true", "mic is 'XNAS'", "a mic of seeds/exchange.csv"),
        ("ABC,A,stock,,USD,true", "mic is ''", "it is required"),
        ("ABC,A,stock,null,USD,true", "mic is 'null'", "nothing where there is no value"),
        ("ABC,A,stock,XNYS,usd,true", "currency is 'usd'", "three capital letters"),
        ("ABC,A,stock,XNYS,USD,yes", "is_default is 'yes'", "true or false"),
        ("ABC,A, B,stock,XNYS,USD,true", "7 values", "write 6, symbol,name"),
        ("ABC,A,stock,XNYS,USD", "5 values", "write 6, symbol,name"),
    ],
    "symbol_alias": [
        ("BRK-B,BRK.A", "vendor_symbol BRK-B", "is also in line 2"),
        ("ABC,abc", "symbol is 'abc'", "a symbol of"),
    ],
    "source": [
        ("New Source,V,raw,900,d", "source is 'New Source'", "a name of a-z"),
        ("new,V,adjusted,900,d", "price_basis is 'adjusted'", "one of raw"),
        ("new,V,raw,-1,d", "settling_seconds is '-1'", "0 or more"),
        ("new,V,raw,1.5,d", "settling_seconds is '1.5'", "a whole number"),
    ],
    "source_label": [
        ("unheard_of,1970-01-01,start,UTC", "source is 'unheard_of'", "a source of seeds/source.csv"),
        ("yahoo,1970-01-01,end,UTC", "source, received_from yahoo, 1970-01-01", "is also in line"),
        ("yahoo,1971-01-01,middle,UTC", "label is 'middle'", "one of start, end"),
        ("yahoo,1971-01-01,start,America/Newyork", "timezone is 'America/Newyork'", "an IANA time zone"),
    ],
    "split": [
        ("TSLA,2020-08-31,5,1", "symbol, effective_date TSLA, 2020-08-31", "remove one of the two"),
        ("TSLA,31.8.2021,5,1", "effective_date is '31.8.2021'", "a date that exists, YYYY-MM-DD"),
        ("TSLA,20210831,5,1", "effective_date is '20210831'", "a date that exists"),
        ("TSLA,2021-02-30,5,1", "effective_date is '2021-02-30'", "a date that exists"),
        ("TSLA,2021-08-31,0,1", "new_shares is '0'", "1 or more"),
        ("TSLA,2021-08-31,5,-1", "old_shares is '-1'", "1 or more"),
        ("TSLA,2021-08-31,,1", "new_shares is ''", "it is required"),
        ("TSLA,2021-08-31,99999999999,1", "new_shares is '99999999999'", "a whole number"),
        ("TSLA,,5,1", "effective_date is ''", "it is required"),
    ],
    "exchange": [
        ("XPAR,Paris,Europe/Paris,false,0,9:00,09:00,17:30,17:30,14:00", "pre_opens_at is '9:00'", "HH:MM"),
        ("XPAR,Paris,Europe/Paris,false,24,09:00,09:00,17:30,17:30,14:00", "day_shift_hours is '24'", "23 or less"),
    ],
    "exchange_exception": [
        ("XNYS,2000-01-17,", "mic, session_date XNYS, 2000-01-17", "is also in line 2"),
        ("XNAS,2000-01-18,", "mic is 'XNAS'", "a mic of"),
        ("XNYS,2000-01-19,25:00", "closes_at is '25:00'", "HH:MM"),
    ],
    "primary_series": [("TSLA,1hour,yahoo", "bar_interval is '1hour'", "one of 1min")],
    "symbol_change": [("FBX,META,2022-06-09,2012-05-18", "traded_until is '2012-05-18'", "a day after traded_from")],
    "corporate_action_override": [
        ("TSLA,merger,2026-03-04,1,1,,,r", "kind is 'merger'", "one of split, dividend"),
        ("TSLA,split,2026-03-04,1,,,,r", "old_shares is ''", "it is required"),
        ("TSLA,dividend,2026-03-04,,,-0.5,USD,r", "amount is '-0.5'", "0 or more"),
        ("TSLA,dividend,2026-03-04,,,,USD,r", "amount is ''", "it is required"),
        ("TSLA,dividend,2026-03-04,,,0.123456789,USD,r", "amount is '0.123456789'", "8 decimals"),
        ("TSLA,split,2026-03-04,1,1,,,", "reason is ''", "it is required"),
        ('TSLA,split,2026-03-04,1,1,,,"r', "is no CSV", "fix its quotes"),
    ],
    "position": [
        ("p,TSLA,ten,2023-06-01,", "quantity is 'ten'", "a number of up to"),
        ("p,TSLA,10,2023-06-01,2023-05-31", "closed_on is '2023-05-31'", "on or after opened_on"),
        (",TSLA,10,2023-06-01,", "portfolio is ''", "it is required"),
    ],
}


@pytest.fixture
def seeds(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SEEDS, tmp_path / "seeds"))


def test_the_project_s_own_seeds_are_right() -> None:
    assert list(list_problems(SEEDS)) == []


@pytest.mark.parametrize(("seed", "row", "value", "remedy"), [(s, *case) for s in WRONG for case in WRONG[s]])
def test_a_wrong_row_is_named_and_its_correction_is_accepted(
    seeds: Path, seed: str, row: str, value: str, remedy: str
) -> None:
    file = seeds / f"{seed}.csv"
    right = file.read_text()
    line = len(right.splitlines()) + 1
    file.write_text(f"{right.rstrip()}\n{row}\n")
    problems = [problem for problem in list_problems(seeds) if value in problem]
    assert problems, list(list_problems(seeds))
    assert problems[0].startswith(f"seeds/{seed}.csv line {line}")
    assert remedy in problems[0]
    with pytest.raises(UserError, match=f"seeds/{seed}.csv line {line}"):
        check_seeds(seeds)
    file.write_text(right)
    check_seeds(seeds)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "split.csv line 1: the header is ''"),
        (b"symbol,date,new_shares,old_shares\n", "line 1: the header is 'symbol,date,new_shares,old_shares': write"),
        (b"symbol,effective_date,new_shares\n", "line 1: the header is"),
        (b"effective_date,symbol,new_shares,old_shares\n", "line 1: the header is"),
        (b"symbol;effective_date;new_shares;old_shares\n", "line 1: the header is"),
        (b"symbol,effective_date,new_shares,old_shares\nT\xe9,2026-01-02,2,1\n", "split.csv is not UTF-8 at byte"),
    ],
)
def test_a_file_that_is_no_table_of_its_columns_is_named(seeds: Path, content: bytes, message: str) -> None:
    (seeds / "split.csv").write_bytes(content)
    with pytest.raises(UserError, match=message):
        check_seeds(seeds)
    (seeds / "split.csv").unlink()
    with pytest.raises(UserError, match=r"split.csv cannot be read"):
        check_seeds(seeds)


def test_what_dbt_reads_the_same_is_accepted(seeds: Path) -> None:
    """A byte order mark, Windows' line ends, an empty line."""
    rows = b"\xef\xbb\xbfsymbol,effective_date,new_shares,old_shares\r\nTSLA,2020-08-31,5,1\r\n\r\n"
    (seeds / "split.csv").write_bytes(rows)
    assert list(list_problems(seeds)) == []


def test_many_problems_are_counted(seeds: Path) -> None:
    with (seeds / "split.csv").open("a") as file:
        file.writelines(f"T{number},2026-01-0x,2,1\n" for number in range(9))
    with pytest.raises(UserError, match=r"; 4 more$"):
        check_seeds(seeds)


@pytest.fixture
def project(lake: Lake, tmp_path: Path) -> Path:
    lake.land([bar()])
    return project_copy(tmp_path / "project")


def test_a_build_stops_at_a_wrong_row_before_dbt_is_asked(lake: Lake, project: Path) -> None:
    with (project / "seeds" / "split.csv").open("a") as file:
        file.write("TSLA,2026-03-02,0,1\n")
    with pytest.raises(UserError, match=r"seeds/split.csv line 21: new_shares is '0': write a whole number, 1 or more"):
        build(Dbt("local", project))
    assert not (lake.folder / lakes.CATALOG).exists()


@pytest.mark.slow
def test_dbt_itself_stops_before_the_models_of_a_wrong_seed_and_its_correction_heals(lake: Lake, project: Path) -> None:
    """Without the pipeline's check the load fails, or a data test does, which runs before a seed's readers."""
    ours = replace(lake, project=project)
    seed = project / "seeds" / "split.csv"
    right = seed.read_text()
    for wrong, failing in {
        "TSLA,2020-08-31,5,1": "unique_key_split_symbol__effective_date",
        "TSLA,31.8.2020,5,1": "split",
        "TSLA,2020-08-30,five,1": "split",
        ",2020-08-30,5,1": "not_null_split_symbol",
    }.items():
        seed.write_text(f"{right}{wrong}\n")
        bad = [node.name for node in ours.dbt("build", "--select", "split") if node.status in ("fail", "error")]
        assert failing in bad, wrong
    seed.write_text(right)
    nodes = {node.name: node.status for node in ours.dbt("build", "--select", "split")}
    assert {nodes["split"], nodes["unique_key_split_symbol__effective_date"], nodes["not_null_split_symbol"]} == {
        "success",
        "pass",
    }
    with lakes.connect(lake.folder, lakes.CATALOG) as connection:
        rows = connection.sql("from lake.tickerlake_reference.split").fetchall()
    assert len(rows) == len(right.splitlines()) - 1

"""The five questions, on fixed simulated days and on recorded ones, against pandas."""

import csv
import gzip
import json
import math
from collections.abc import Callable
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from loader.providers.simulate import simulate
from loader.reference import split_ratios, universe
from pipeline.build import publish_catalogue
from serving.answers import ANALYSES, query_answer, read_question, render_answers
from testkit import realdata
from testkit.daily import day, land
from testkit.lake import Lake, dbt
from tickerlake import lake as lakes
from tickerlake.errors import UserError

pytestmark = pytest.mark.slow

Days = dict[str, Any]
"""Frames by symbol: close, volume and dividend, by date, in the shares of the last day."""


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Lake, Days]:
    """Build the demo's kind of history: one session of minutes after it, a split and dividends within; published."""
    lake = Lake(tmp_path_factory.mktemp("answers") / "lake")
    (part,) = simulate(universe(), date(2024, 6, 10), 1, seed=7, history=300)
    land(lake, "daily_bars", part.days)
    land(lake, "corporate_actions", part.actions)
    lake.run()
    dbt().run_operation("publish")
    publish_catalogue()
    dividends = {
        (event["symbol"], event["effective_date"]): float(event["amount"])
        for event in map(json.loads, part.actions)
        if event["kind"] == "dividend"
    }
    rows: dict[str, dict[pd.Timestamp, list[float]]] = {}
    for line in map(json.loads, part.days):
        at, symbol = line["session_date"], line["symbol"]
        later = math.prod(r for effective, r in split_ratios(symbol) if at < str(effective) <= "2024-06-10")
        paid = dividends.get((symbol, at), 0.0) / later
        rows.setdefault(symbol, {})[pd.Timestamp(at)] = [
            float(line["close"]) / later,
            float(line["volume"]) * later,
            paid,
        ]
    return lake, {symbol: _frame(values) for symbol, values in rows.items()}


def _frame(rows: dict[pd.Timestamp, list[float]]) -> pd.DataFrame:
    return pd.DataFrame.from_dict(rows, orient="index", columns=["close", "volume", "dividend"]).sort_index()


def recorded(paths: dict[str, str], until: str) -> Days:
    frames = {}
    for symbol, relative in paths.items():
        path = realdata.path(relative)
        with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as file:
            rows = {
                pd.Timestamp((row.get("Date") or row["Datetime"])[:10]): [
                    round(float(row["Close"]), 8),
                    float(row["Volume"]),
                    0.0,
                ]
                for row in csv.DictReader(file)
            }
        frames[symbol] = _frame(rows).truncate(after=until)
    return frames


def built(folder: Path, days: Days) -> Lake:
    lake = Lake(folder)
    land(
        lake,
        "daily_bars",
        [
            day(symbol, at.date(), row.close, volume=f"{row.volume:.0f}", source="yahoo", price_basis="split_adjusted")
            for symbol, frame in days.items()
            for at, row in zip(frame.index, frame.itertuples(), strict=True)
        ],
    )
    lake.run()
    return lake


def answer_rows(lake: Lake, name: str) -> dict[str, dict[str, Any]]:
    """Return the answer of one question, by its first column."""
    with closing(lakes.connect(lake.folder, lakes.CATALOG)) as connection:
        connection.execute("use lake.tickerlake_marts")
        columns, rows = query_answer(connection, read_question(ANALYSES / f"{name}.sql"))
    return {row[0]: dict(zip(columns, row, strict=True)) for row in rows}


def total(frame: pd.DataFrame) -> Any:
    """Return total returns: the day's close and dividend over the close before."""
    return (frame["close"] + frame["dividend"]) / frame["close"].shift() - 1


def volume(days: Days) -> dict[str, dict[str, Any]]:
    answer = {}
    for symbol, frame in days.items():
        last = frame["volume"].iloc[-10:] / 1e6
        answer[symbol] = {
            "last_session_millions": last.iloc[-1],
            "one_week_millions": last.iloc[-5:].sum(),
            "two_weeks_millions": last.sum(),
            "daily_average_millions": last.iloc[-5:].mean(),
            "change_pct": 100 * (last.iloc[-5:].sum() / last.iloc[:5].sum() - 1),
        }
    return answer


def _window(days: Days, months: int) -> Days:
    start = max(frame.index[-1] for frame in days.values()) - pd.DateOffset(months=months)
    return {s: frame.loc[frame.index[frame.index <= start][-1] :] for s, frame in days.items()}


def nvda_amzn(days: Days) -> dict[str, dict[str, Any]]:
    answer = {}
    for symbol, frame in _window({s: days[s] for s in ("NVDA", "AMZN")}, 3).items():
        returns = frame["close"].pct_change().iloc[1:]
        answer[symbol] = {
            "sessions": len(returns),
            "return_pct": 100 * (frame["close"].iloc[-1] / frame["close"].iloc[0] - 1),
            "total_return_pct": 100 * ((1 + total(frame).iloc[1:]).prod() - 1),
            "average_daily_pct": 100 * returns.mean(),
            "volatility_pct": 100 * returns.std() * math.sqrt(252),
            "worst_day_pct": 100 * returns.min(),
        }
    return answer


def funds(days: Days) -> dict[str, dict[str, Any]]:
    answer: dict[str, dict[str, Any]] = {}
    for symbol, frame in _window({s: days[s] for s in ("QQQ", "SCHG", "VOO")}, 6).items():
        returns = total(frame).iloc[1:]
        cumulative = 100 * ((1 + returns).prod() - 1)
        answer[symbol] = {
            "returns": len(returns),
            "average_daily_pct": 100 * returns.mean(),
            "cumulative_pct": cumulative,
        }
    for row in answer.values():
        row["over_voo_pct"] = row["cumulative_pct"] - answer["VOO"]["cumulative_pct"]
    return answer


def baskets(days: Days) -> dict[str, dict[str, Any]]:
    members = ("META", "GOOGL", "VOO", "SCHG")
    levels = pd.DataFrame({s: (1 + total(days[s]).fillna(0)).cumprod() for s in members}).dropna().iloc[-253:]
    levels = levels / levels.iloc[0]
    answer = {}
    for name, pair in {"META+GOOGL": ["META", "GOOGL"], "VOO+SCHG": ["VOO", "SCHG"]}.items():
        level = levels[pair].mean(axis=1)
        returns = level.pct_change().iloc[1:]
        logs = (level / level.shift()).iloc[1:].map(math.log)
        spread = math.sqrt(63) * logs.std()
        answer[name] = {
            "returns": len(returns),
            "cumulative_pct": 100 * (level.iloc[-1] - 1),
            "average_daily_pct": 100 * returns.mean(),
            "volatility_pct": 100 * returns.std() * math.sqrt(252),
            "deepest_drawdown_pct": 100 * (level / level.cummax() - 1).min(),
            "scenario_low": math.exp(63 * logs.mean() - spread),
            "scenario_mid": math.exp(63 * logs.mean()),
            "scenario_high": math.exp(63 * logs.mean() + spread),
        }
    return answer


def volatility_volume(days: Days) -> dict[str, dict[str, Any]]:
    answer = {}
    for symbol in ("TSLA", "MSFT"):
        frame, returns = days[symbol], days[symbol]["close"].pct_change()
        rolling = returns.rolling(20).std()
        answer[symbol] = {
            "days": 100,
            "volatility_now_pct": 100 * rolling.iloc[-1] * math.sqrt(252),
            "volatility_mean_pct": 100 * rolling.iloc[-100:].mean() * math.sqrt(252),
            "average_volume_millions": frame["volume"].iloc[-100:].mean() / 1e6,
            "average_move_pct": 100 * returns.abs().iloc[-100:].mean(),
            "volatility_and_volume": rolling.iloc[-100:].corr(frame["volume"].iloc[-100:]),
            "move_and_volume": returns.abs().iloc[-100:].corr(frame["volume"].iloc[-100:]),
        }
    return answer


EXPECTED: dict[str, Callable[[Days], dict[str, dict[str, Any]]]] = {
    "1_volume": volume,
    "2_nvda_amzn": nvda_amzn,
    "3_funds": funds,
    "4_baskets": baskets,
    "5_volatility_volume": volatility_volume,
}


def agree(ours: dict[str, dict[str, Any]], theirs: dict[str, dict[str, Any]]) -> None:
    assert ours.keys() == theirs.keys()
    for key, row in theirs.items():
        for name, value in row.items():
            assert float(ours[key][name]) == pytest.approx(float(value), rel=1e-6, abs=1e-6), f"{key} {name}"


def test_every_question_has_an_expected_answer() -> None:
    assert {path.stem for path in ANALYSES.glob("*.sql")} == EXPECTED.keys()


@pytest.mark.parametrize("name", EXPECTED)
def test_the_answer_on_simulated_days_agrees_with_pandas(simulated: tuple[Lake, Days], name: str) -> None:
    lake, days = simulated
    agree(answer_rows(lake, name), EXPECTED[name](days))


def test_answers_are_printed_and_drawn(simulated: tuple[Lake, Days], tmp_path: Path) -> None:
    lake, _ = simulated
    text = render_answers(lake.folder, tmp_path)
    for name in EXPECTED:
        assert read_question(ANALYSES / f"{name}.sql").text in text
        picture = (tmp_path / f"{name}.png").read_bytes()
        assert picture.startswith(b"\x89PNG")
        assert len(picture) > 10_000
    assert "The scenario is no forecast" in text
    assert "News and sentiment have no source here" in text
    assert "NVDA    2024-06-10" in text


def test_a_lake_without_days_says_what_to_do(lake: Lake, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="make demo"):
        render_answers(lake.folder, tmp_path)


REAL = {
    "orb": (
        {s: f"daily/yahoo_orb_2025/{s}_1d.csv" for s in ("NVDA", "AMZN", "TSLA", "MSFT", "QQQ")},
        "2025-09-25",
        ("1_volume", "2_nvda_amzn", "5_volatility_volume"),
    ),
    "funds": (
        {
            "QQQ": "daily/yahoo_gcfc/QQQ_1d.csv.gz",
            "VOO": "daily/yahoo_gcfc/VOO_1d.csv.gz",
            "SCHG": "daily/yahoo_praveen/SCHG.csv.gz",
        },
        "2024-08-28",
        ("3_funds",),
    ),
    "baskets": (
        {
            "META": "daily/sp500_5yr_2012_2017/FB.csv",
            "GOOGL": "daily/sp500_5yr_2012_2017/GOOGL.csv",
            "VOO": "daily/yahoo_gcfc/VOO_1d.csv.gz",
            "SCHG": "daily/yahoo_praveen/SCHG.csv.gz",
        },
        "2017-08-11",
        ("4_baskets",),
    ),
}
"""Recorded days that overlap, until a common last session, and the questions that they can answer."""


@pytest.mark.parametrize("name", REAL)
def test_the_answers_on_recorded_days_agree_with_pandas(tmp_path: Path, name: str) -> None:
    paths, until, questions = REAL[name]
    days = recorded(paths, until)
    lake = built(tmp_path / "lake", days)
    for question in questions:
        ours = answer_rows(lake, question)
        print(f"{question} on recorded days until {until}: {ours}")
        agree(ours, EXPECTED[question](days))

"""The questions of `questions/`, answered from the published tables: a table in words, and a picture."""

import re
from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from pipeline import summary
from tickerlake import lake
from tickerlake.errors import UserError

QUESTIONS = lake.PROJECT / "questions"


@dataclass(frozen=True, slots=True)
class Question:
    """One file of `questions/`: what is asked, what has to be known to read the answer, and two queries.

    The first query gives the answer; the second gives the picture's points as (x, series, y).
    """

    name: str
    asked: str
    notes: list[str]
    shape: str
    unit: str
    answer: str
    points: str


def read(path: Path) -> Question:
    """Read a question. Its leading comments are the question, `Picture: lines|bars|points, unit` (for points
    `y over x`), and notes."""
    head, _, _ = path.read_text().partition("\nwith ")
    asked, picture, *notes = [line.removeprefix("-- ") for line in head.splitlines()]
    found = re.fullmatch(r"Picture: (lines|bars|points), (.*)", picture)
    if not found:
        raise UserError(f"{path}: the second line is not '-- Picture: lines|bars|points, unit'")
    answer, points = path.read_text().split(";\n")
    return Question(path.stem, asked, notes, found[1], found[2], answer, points)


def answers(folder: Path, pictures: Path) -> str:
    """Answer every question on the lake in `folder`, as text, and draw its picture into `pictures`.

    Raises UserError when the lake holds no daily bars.
    """
    blocks = []
    with lake.connect(folder) as connection:
        for path in sorted(QUESTIONS.glob("*.sql")):
            question = read(path)
            header, rows = ask(connection, question)
            if not rows:
                raise UserError(
                    f"no days to answer '{question.asked}' from: run `make demo`, or "
                    "`python -m loader fetch --dataset daily_bars` and `make build`"
                )
            target = draw(question, connection.sql(question.points).fetchall(), pictures)
            shown = [[_shown(value) for value in row] for row in rows]
            blocks.append(
                "\n".join(
                    [
                        summary.table(question.asked, header, shown),
                        *(f"  {note}" for note in question.notes),
                        f"  picture: {target}",
                    ]
                )
            )
    return "\n\n".join(blocks)


def ask(connection: duckdb.DuckDBPyConnection, question: Question) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Run the first query of a question: its columns and rows."""
    relation = connection.sql(question.answer)
    return list(relation.columns), relation.fetchall()


def draw(question: Question, points: list[tuple[Any, str, float]], folder: Path) -> Path:
    """Draw the points of a question's second query and give the file."""
    from matplotlib.figure import Figure  # half a second, which no other command should wait for

    series: dict[str, tuple[list[Any], list[float]]] = defaultdict(lambda: ([], []))
    for x, name, y in points:
        series[name][0].append(x)
        series[name][1].append(y)
    figure = Figure(figsize=(9, 5), layout="constrained")
    axes = figure.subplots()
    if question.shape == "bars":
        days = sorted({x for x, _, _ in points})
        below = [0.0] * len(days)
        for name, (xs, ys) in series.items():
            heights = dict(zip(xs, ys, strict=True))
            values = [heights.get(at, 0.0) for at in days]
            axes.bar([f"{at:%d %b}" for at in days], values, bottom=below, label=name)
            below = [low + value for low, value in zip(below, values, strict=True)]
    else:
        for name, (xs, ys) in series.items():
            axes.plot(xs, ys, "." if question.shape == "points" else "-", label=name)
    figure.suptitle(question.asked, fontsize=10)
    y_label, _, x_label = question.unit.partition(" over ")
    axes.set_ylabel(y_label)
    axes.set_xlabel(x_label)
    axes.grid(alpha=0.3)
    figure.legend(loc="outside right center", frameon=False)
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{question.name}.png"
    figure.savefig(target, dpi=110)
    return target


def _shown(value: Any) -> Any:
    if isinstance(value, float):
        return Decimal(f"{value:.3f}")
    return value if isinstance(value, int | Decimal) else str(value)

"""The questions of `analyses/`, answered from the published tables: a table of text, and a picture.

dbt parses and compiles these files as analyses of the project, so a reference to an unknown model fails there.
Readers need no dbt: `ref('model')` becomes the published view of that name.
"""

import re
from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from tickerlake import lake
from tickerlake.errors import UserError
from tickerlake.text_table import render_table

ANALYSES = lake.PROJECT / "analyses"
_REF = re.compile(r"\{\{ ref\('(\w+)'\) \}\}")


@dataclass(frozen=True, slots=True)
class Question:
    """One file of `analyses/`: the question's text, notes for reading the answer, and two queries on published tables.

    The query `answer` returns the answer's rows; `points` returns the picture's points as (x, series, y).
    `shape` is lines, bars or points; `unit` labels the y axis.
    """

    name: str
    text: str
    notes: list[str]
    shape: str
    unit: str
    answer: str
    points: str


def read_question(path: Path) -> Question:
    """Read a question from its file.

    The leading comments are the question, `Picture: lines|bars|points, unit` (for points `y over x`), and the notes.
    Raises UserError when the second comment has another form.
    """
    head, _, _ = path.read_text().partition("\nwith ")
    text, picture, *notes = [line.removeprefix("-- ") for line in head.splitlines()]
    match = re.fullmatch(r"Picture: (lines|bars|points), (.*)", picture)
    if not match:
        raise UserError(f"{path}: the second line is '{picture}'; write '-- Picture: lines|bars|points, unit'")
    answer, points = _REF.sub(r"\1", path.read_text()).split(";\n")
    return Question(path.stem, text, notes, match[1], match[2], answer, points)


def read_questions() -> list[Question]:
    """Read every question, in the order of the files' names."""
    return [read_question(path) for path in sorted(ANALYSES.glob("*.sql"))]


def render_answers(folder: Path, pictures: Path) -> str:
    """Answer every question from the lake in `folder`: return the text, and draw a picture each into `pictures`.

    Raises UserError when the lake holds no daily bars.
    """
    blocks = []
    with lake.connect(folder) as connection:
        for question in read_questions():
            header, rows = query_answer(connection, question)
            if not rows:
                raise UserError(
                    f"no daily bars to answer '{question.text}' from; run `make demo`, or "
                    "`python -m loader fetch --dataset daily_bars` and `make build`"
                )
            picture = draw_picture(question, connection.sql(question.points).fetchall(), pictures)
            cells = [[_cell(value) for value in row] for row in rows]
            blocks.append(
                "\n".join(
                    [
                        render_table(question.text, header, cells),
                        *(f"  {note}" for note in question.notes),
                        f"  picture: {picture}",
                    ]
                )
            )
    return "\n\n".join(blocks)


def query_answer(connection: duckdb.DuckDBPyConnection, question: Question) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Return the columns and rows of a question's answer."""
    relation = connection.sql(question.answer)
    return list(relation.columns), relation.fetchall()


def draw_picture(question: Question, points: list[tuple[Any, str, float]], folder: Path) -> Path:
    """Draw a question's points, (x, series, y), into a PNG file in `folder`. Returns its path."""
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
    figure.suptitle(question.text, fontsize=10)
    y_label, _, x_label = question.unit.partition(" over ")
    axes.set_ylabel(y_label)
    axes.set_xlabel(x_label)
    axes.grid(alpha=0.3)
    figure.legend(loc="outside right center", frameon=False)
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{question.name}.png"
    figure.savefig(target, dpi=110)
    return target


def _cell(value: Any) -> Any:
    if isinstance(value, float):
        return Decimal(f"{value:.3f}")
    return value if isinstance(value, int | Decimal) else str(value)

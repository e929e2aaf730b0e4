"""The picture of the lineage: every model is in it, below what it reads, and no two boxes overlap."""

import re
from itertools import combinations

from pipeline.lineage import Node, arrange, direct_parents, draw
from tickerlake.lake import PROJECT


def chain(*edges: tuple[str, str]) -> dict[str, Node]:
    """Return models with these edges, each from what is read to what reads it."""
    names = sorted({name for edge in edges for name in edge})
    return {
        name: Node(name, "prices", "table", frozenset(parent for parent, child in edges if child == name))
        for name in names
    }


def test_an_edge_that_a_longer_path_implies_is_left_out() -> None:
    nodes = chain(("raw", "bar"), ("bar", "mart"), ("raw", "mart"))
    assert direct_parents(nodes) == {"raw": set(), "bar": {"raw"}, "mart": {"bar"}}


def test_models_stand_below_what_they_read_and_do_not_overlap() -> None:
    nodes = chain(
        *((f"bar_{n % 3}", f"mart_{n}") for n in range(14)), *((f"mart_{n}", f"view_{n % 4}") for n in range(14))
    )
    parents = direct_parents(nodes)
    layout = arrange(parents)
    row_of = {item: number for number, row in enumerate(layout.rows) for item in row}
    assert all(row_of[parent] < row_of[child] for child, of in parents.items() for parent in of)
    assert all(row_of[end] == row_of[start] + 1 for start, end in layout.edges)
    boxes = re.findall(r'<rect x="(\d+)" y="(\d+)" width="200"', draw(nodes))
    assert len(boxes) == len(nodes)
    for (x1, y1), (x2, y2) in combinations(boxes, 2):
        assert y1 != y2 or abs(int(x1) - int(x2)) > 200


def test_the_committed_picture_holds_every_model() -> None:
    drawn = set(re.findall(r">(\w+)</text>", (PROJECT / "docs" / "lineage.svg").read_text()))
    models = {path.stem for path in (PROJECT / "models").rglob("*.sql")}
    assert models <= drawn, "run `make lineage`"
    assert {name for name in drawn if re.match(r"(stg|int|fct|dim|screen|v)_", name)} <= models, "run `make lineage`"

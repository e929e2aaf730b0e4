"""Draw the lineage of the models as an SVG from dbt's manifest: `make lineage`."""

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from itertools import accumulate, pairwise
from pathlib import Path

import click

_WIDTH, _TOP, _BOX, _HEIGHT, _ROW, _GAP, _PER_ROW = 1240, 40, 200, 26, 60, 14, 5
_COLOURS = {
    "raw": "#d9d9d9",
    "staging": "#cfe2f3",
    "intermediate": "#fff2cc",
    "prices": "#d9ead3",
    "daily": "#d0e0e3",
    "indicators": "#ead1dc",
    "signals": "#f4cccc",
    "audit": "#d9d2e9",
}
_LINE = "#8a8a8a"
_SWEEPS = 30

Item = str | tuple[str, int]


@dataclass(frozen=True, slots=True)
class Node:
    """A source or a model: its name, folder, materialization, and the nodes it reads."""

    name: str
    folder: str
    materialized: str
    parents: frozenset[str]


def read_nodes(manifest: Path) -> dict[str, Node]:
    """Read sources and models by their unique id, seeds left out."""
    content = json.loads(manifest.read_text())
    nodes = content["sources"] | {
        key: node for key, node in content["nodes"].items() if node["resource_type"] == "model"
    }
    return {
        key: Node(
            name=node["name"],
            folder=_folder(node),
            materialized=node["config"].get("materialized", "source"),
            parents=frozenset(parent for parent in node.get("depends_on", {}).get("nodes", []) if parent in nodes),
        )
        for key, node in nodes.items()
    }


def direct_parents(nodes: Mapping[str, Node]) -> dict[str, set[str]]:
    """Return each node's parents without those that another parent reads itself, directly or not."""
    ancestors: dict[str, set[str]] = {}

    def ancestors_of(key: str) -> set[str]:
        if key not in ancestors:
            ancestors[key] = set().union(*({parent} | ancestors_of(parent) for parent in nodes[key].parents))
        return ancestors[key]

    return {
        key: {parent for parent in node.parents if not any(parent in ancestors_of(other) for other in node.parents)}
        for key, node in nodes.items()
    }


@dataclass(frozen=True, slots=True)
class Layout:
    """Rows from top to bottom; what is connected from one row to the next; the horizontal centre of each item.

    An item is a node's key or, where its edges cross a row to reach a lower one, a bend: the key and the row.
    """

    rows: Sequence[Sequence[Item]]
    edges: frozenset[tuple[Item, Item]]
    x: Mapping[Item, float]


def arrange(parents: Mapping[str, set[str]]) -> Layout:
    """Place each node below all it reads and near what it is connected to, few enough side by side to be readable."""
    row_of = _rows(parents)
    edges: set[tuple[Item, Item]] = set()
    for child, of in parents.items():
        for parent in of:
            bends = [(parent, row) for row in range(row_of[parent] + 1, row_of[child])]
            edges |= set(pairwise([parent, *bends, child]))
    items: dict[Item, int] = {item: item[1] for edge in edges for item in edge if isinstance(item, tuple)}
    items.update(row_of.items())
    rows = [sorted((item for item in items if items[item] == row), key=str) for row in range(max(items.values()) + 1)]
    above, below = defaultdict(list), defaultdict(list)
    for start, end in sorted(edges, key=str):
        above[end].append(start)
        below[start].append(end)
    x: dict[Item, float] = {item: _WIDTH * (at + 0.5) / len(row) for row in rows for at, item in enumerate(row)}
    for sweep in range(_SWEEPS):
        neighbours = (above, below)[sweep % 2]
        for number in range(len(rows))[:: 1 if sweep % 2 == 0 else -1]:
            centres = {item: _mean([x[other] for other in neighbours[item]], x[item]) for item in rows[number]}
            rows[number].sort(key=lambda item: (centres[item], str(item)))
            x |= _spread(rows[number], centres)
    for _ in range(_SWEEPS):  # the order stays, the places become straighter
        for row in rows:
            x |= _spread(
                row, {item: _mean([x[other] for other in (*above[item], *below[item])], x[item]) for item in row}
            )
    return Layout(rows, frozenset(edges), x)


def _rows(parents: Mapping[str, set[str]]) -> dict[str, int]:
    """Return each node's row: below its parents, the longest chains first where a row is full."""
    children = {key: [child for child, of in parents.items() if key in of] for key in parents}

    @cache
    def chain(key: str) -> int:
        return 1 + max((chain(child) for child in children[key]), default=0)

    rows: dict[str, int] = {}
    sizes: Counter[int] = Counter()
    todo = set(parents)
    while todo:
        ready = [key for key in todo if parents[key] <= rows.keys()]
        key = min(ready, key=lambda key: (-chain(key), key))
        row = 1 + max((rows[parent] for parent in parents[key]), default=-1)
        while sizes[row] == _PER_ROW:
            row += 1
        rows[key] = row
        sizes[row] += 1
        todo.remove(key)
    for key in parents:  # what reads nothing stands right above its first reader, where there is room
        if not parents[key] and children[key]:
            free = [
                row
                for row in range(rows[key] + 1, min(rows[child] for child in children[key]))
                if sizes[row] < _PER_ROW
            ]
            if free:
                sizes[rows[key]] -= 1
                rows[key] = free[-1]
                sizes[free[-1]] += 1
    return rows


def draw(nodes: Mapping[str, Node]) -> str:
    """Return the SVG: one box a node, coloured by folder; dashed when no table is stored."""
    layout = arrange(direct_parents(nodes))
    y = {item: _TOP + _ROW * (number + 0.5) for number, row in enumerate(layout.rows) for item in row}
    height = _TOP + _ROW * len(layout.rows)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" font-size="13"'
            ' font-family="system-ui, sans-serif" text-anchor="middle">',
            f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
            *_legend(),
            *(_bend(layout.x[item], y[item]) for row in layout.rows for item in row if isinstance(item, tuple)),
            *(_edge(start, end, layout.x, y) for start, end in sorted(layout.edges, key=str)),
            *(_box(node, layout.x[key], y[key]) for key, node in nodes.items()),
            "</svg>\n",
        ]
    )


def _folder(node: Mapping[str, object]) -> str:
    """Return the folder below models/ that gives the node its colour."""
    if node["resource_type"] == "source":
        return "raw"
    parts = Path(str(node["original_file_path"])).parts
    return parts[2] if parts[1] == "marts" else parts[1]


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _width(item: Item) -> float:
    return _BOX if isinstance(item, str) else 4


def _spread(row: Sequence[Item], centres: Mapping[Item, float]) -> dict[Item, float]:
    """Place a row's items in order, without overlap, within the width, at the least squared distance from `centres`."""
    offsets = [0.0, *accumulate((_width(left) + _width(right)) / 2 + _GAP for left, right in pairwise(row))]
    pools: list[list[float]] = []  # neighbours that would overlap move together, by the mean
    for item, offset in zip(row, offsets, strict=True):
        pools.append([centres[item] - offset])
        while len(pools) > 1 and _mean(pools[-2], 0) > _mean(pools[-1], 0):
            pools[-2:] = [pools[-2] + pools[-1]]
    shifts = [_mean(pool, 0) for pool in pools for _ in pool]
    low, high = _width(row[0]) / 2 + _GAP, _WIDTH - _GAP - _width(row[-1]) / 2 - offsets[-1]
    return {item: min(max(shift, low), high) + offset for item, shift, offset in zip(row, shifts, offsets, strict=True)}


def _legend() -> list[str]:
    marks, x = [], 8
    for label, colour in _COLOURS.items():
        marks.append(f'<rect x="{x}" y="12" width="14" height="14" fill="{colour}" stroke="#666666"/>')
        marks.append(f'<text x="{x + 20}" y="23" text-anchor="start">{label}</text>')
        x += 40 + 7 * len(label)
    marks.append(f'<rect x="{x}" y="12" width="14" height="14" fill="none" stroke="#666666" stroke-dasharray="3 2"/>')
    marks.append(f'<text x="{x + 20}" y="23" text-anchor="start">view or part of a query: no table of its own</text>')
    return marks


def _bend(x: float, y: float) -> str:
    return f'<path d="M{x:.0f} {y - _HEIGHT / 2:.0f} v{_HEIGHT}" stroke="{_LINE}"/>'


def _edge(start: Item, end: Item, x: Mapping[Item, float], y: Mapping[Item, float]) -> str:
    top, bottom = y[start] + _HEIGHT / 2, y[end] - _HEIGHT / 2
    middle = (top + bottom) / 2
    path = f"M{x[start]:.0f} {top:.0f} C{x[start]:.0f} {middle:.0f} {x[end]:.0f} {middle:.0f} {x[end]:.0f} {bottom:.0f}"
    return f'<path d="{path}" fill="none" stroke="{_LINE}"/>'


def _box(node: Node, x: float, y: float) -> str:
    dashes = ' stroke-dasharray="4 3"' if node.materialized in ("view", "ephemeral") else ""
    return (
        f'<rect x="{x - _BOX / 2:.0f}" y="{y - _HEIGHT / 2:.0f}" width="{_BOX}" height="{_HEIGHT}" rx="4"'
        f' fill="{_COLOURS[node.folder]}" stroke="#666666"{dashes}/>'
        f'<text x="{x:.0f}" y="{y + 4:.0f}">{escape(node.name)}</text>'
    )


@click.command()
@click.argument("manifest", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("target", type=click.Path(dir_okay=False, path_type=Path))
def main(manifest: Path, target: Path) -> None:
    """Draw the models of a MANIFEST of dbt into TARGET, an SVG."""
    target.write_text(draw(read_nodes(manifest)))
    click.echo(f"wrote {target}")


if __name__ == "__main__":
    main()

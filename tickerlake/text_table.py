"""Tables of text for terminals."""

from collections.abc import Iterable, Sequence
from decimal import Decimal


def render_table(title: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return rows as text below a title and a header: numbers right-aligned with thousands separators, text left."""
    rows = list(rows)
    numeric = [all(not isinstance(row[i], str) for row in rows) for i in range(len(header))]
    cells = [[_cell(value) for value in row] for row in rows]
    widths = [max(len(line[i]) for line in [list(header), *cells]) for i in range(len(header))]

    def line(values: Sequence[str]) -> str:
        aligned = (v.rjust(w) if n else v.ljust(w) for v, w, n in zip(values, widths, numeric, strict=True))
        return "  " + "  ".join(aligned).rstrip()

    return "\n".join([title, line(header), *(line(row) for row in cells)])


def _cell(value: object) -> str:
    return f"{value:,}" if isinstance(value, int | Decimal) else str(value)

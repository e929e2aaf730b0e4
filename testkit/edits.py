"""Edits that a person makes to the project: each decides anew what rows are, or to which key they belong."""

import atexit
import shutil
import tempfile
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

from testkit.lake import project_copy


def _add(seed: str, row: str, project: Path) -> None:
    file = project / "seeds" / f"{seed}.csv"
    file.write_text(file.read_text().rstrip("\n") + f"\n{row}\n")


def _remove(seed: str, prefix: str, project: Path) -> None:
    file = project / "seeds" / f"{seed}.csv"
    rows = file.read_text().splitlines(keepends=True)
    kept = [row for row in rows if not row.startswith(prefix)]
    assert len(kept) < len(rows), f"no row of {seed} begins with {prefix}"
    file.write_text("".join(kept))


def _replace(path: str, old: str, new: str, project: Path) -> None:
    file = project / path
    text = file.read_text()
    assert old in text, f"{path} does not hold {old}"
    file.write_text(text.replace(old, new, 1))


def _add_column(project: Path) -> None:
    mart = "models/marts/indicators/fct_moving_average"
    _replace(
        f"{mart}.sql", "  {{ batch_id() }} as batch_id\n", "  2 as added,\n  {{ batch_id() }} as batch_id\n", project
    )
    _replace(
        f"{mart}.yml",
        "      - name: batch_id\n",
        "      - name: added\n        data_type: integer\n      - name: batch_id\n",
        project,
    )


EDITS: dict[str, Callable[[Path], None]] = {
    "holiday": partial(_add, "exchange_exception", "XNYS,2026-03-03,"),
    "listed": partial(_add, "symbol", "GOLD,Gold,crypto,24/7,USD,false"),
    "unlisted": partial(_remove, "symbol", "BTCUSD,"),
    "alias": partial(_add, "symbol_alias", "SCHG,SCHX"),
    "rename": partial(_add, "symbol_change", "TSLA,TSLB,2010-01-01,2026-03-03"),
    "source": partial(_remove, "source", "alphavantage,"),
    "split": partial(_add, "split", "TSLA,2026-03-03,2,1"),
    "mart": partial(_replace, "models/marts/prices/fct_price_change.sql", "as bar_return_pct", "+ 1 as bar_return_pct"),
    "macro": partial(_replace, "macros/indicators/volume_spike.sql", "'SPIKE'", "'normal'"),
    "column": _add_column,
}


@cache
def edited(*names: str) -> Path:
    """Return a copy of the project with these edits."""
    folder = Path(tempfile.mkdtemp(prefix="tickerlake_edited_"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    project = project_copy(folder / "project")
    for name in names:
        EDITS[name](project)
    return project

"""Write what the generators give into `dashboards/rendered`: `python -m dashboards`."""

import shutil
import sys
from pathlib import Path

from dashboards import grafana, metabase, powerbi, superset
from dashboards.catalog import RENDERED


def rendered() -> dict[Path, str]:
    """Give every file below `rendered/`, by its path."""
    tools = {tool.__name__.rpartition(".")[2]: tool.render() for tool in (grafana, metabase, powerbi, superset)}
    return {Path(tool) / path: text for tool, files in tools.items() for path, text in files.items()}


def write(files: dict[Path, str], folder: Path) -> None:
    """Write files below `folder`, which is emptied first."""
    shutil.rmtree(folder, ignore_errors=True)
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)


def main() -> int:
    """Write everything and say how much."""
    files = rendered()
    write(files, RENDERED)
    print(f"{len(files)} files in {RENDERED}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

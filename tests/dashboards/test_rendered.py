"""What is committed for each tool is what the generators give, and holds together."""

import json
import os
import re
import shutil
import subprocess
from datetime import date
from itertools import combinations
from typing import Any

import pytest
import yaml

from dashboards import grafana, powerbi
from dashboards.__main__ import rendered
from dashboards.catalog import RENDERED, Dashboard, Filters, cards, dashboards
from tickerlake.lake import PROJECT


def test_what_is_committed_is_what_the_generators_give() -> None:
    committed = {path.relative_to(RENDERED): path.read_text() for path in RENDERED.rglob("*") if path.is_file()}
    assert committed == rendered(), "run `python -m dashboards`"


@pytest.mark.parametrize("name", dashboards())
def test_grafana_panels_have_a_source_and_do_not_overlap(name: str) -> None:
    board = json.loads((RENDERED / "grafana" / "dashboards" / f"{name}.json").read_text())
    panels: list[dict[str, Any]] = board["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels) == len(dashboards()[name].cards)
    assert {panel["datasource"]["uid"] for panel in panels} == {"tickerlake-athena"}
    declared = {variable["name"] for variable in board["templating"]["list"]}
    for panel in panels:
        (target,) = panel["targets"]
        assert target["refId"]
        assert set(re.findall(r"\$\{(\w+)", target["rawSQL"])) <= declared
        assert ("$__" in target["rawSQL"]) == any(c.title == panel["title"] and c.has_time for c in cards())
    for one, other in combinations((panel["gridPos"] for panel in panels), 2):
        assert (
            one["x"] + one["w"] <= other["x"]
            or other["x"] + other["w"] <= one["x"]
            or one["y"] + one["h"] <= other["y"]
            or other["y"] + other["h"] <= one["y"]
        )


def test_an_unknown_macro_or_variable_is_not_passed_over() -> None:
    with pytest.raises(ValueError, match="left unexpanded"):
        grafana.expand("select $__timeGrouping(x, '5m') from ${table}", Filters([], date(2024, 1, 1), date(2024, 1, 2)))


def test_superset_files_refer_to_each_other() -> None:
    of: dict[str, dict[str, dict[str, Any]]] = {}
    for kind in ("databases", "datasets", "charts", "dashboards"):
        files = [yaml.safe_load(path.read_text()) for path in (RENDERED / "superset" / kind).rglob("*.yaml")]
        of[kind] = {file["uuid"]: file for file in files}
    assert {found["database_uuid"] for found in of["datasets"].values()} == of["databases"].keys()
    assert {found["dataset_uuid"] for found in of["charts"].values()} == of["datasets"].keys()
    placed = [
        item["meta"]["uuid"]
        for board in of["dashboards"].values()
        for item in board["position"].values()
        if isinstance(item, dict) and item["type"] == "CHART"
    ]
    assert sorted(placed) == sorted(of["charts"])


@pytest.mark.parametrize("board", dashboards().values(), ids=lambda board: board.name)
def test_a_superset_filter_reaches_the_charts_that_have_it_and_no_others(board: Dashboard) -> None:
    file = yaml.safe_load((RENDERED / "superset" / "dashboards" / f"{board.name}.yaml").read_text())
    placed = [item["meta"] for item in file["position"].values() if isinstance(item, dict) and item["type"] == "CHART"]
    titles = {meta["chartId"]: meta["sliceName"] for meta in placed}
    assert len(titles) == len(board.cards)
    for listed in file["metadata"]["native_filter_configuration"]:
        kind = listed["id"].rpartition("-")[2]
        reached = {title for number, title in titles.items() if number not in listed["scope"]["excluded"]}
        assert reached == {card.title for card in board.cards if kind in card.filters | {"time"}}


def test_superset_asks_for_no_column_twice() -> None:
    for path in (RENDERED / "superset" / "charts").glob("*.yaml"):
        asked = yaml.safe_load(path.read_text())["params"]
        names = [asked[key] for key in ("entity", "series", "x_axis") if key in asked]
        names += [metric["label"] for metric in (*asked.get("metrics", []), *(asked[k] for k in "xy" if k in asked))]
        assert len(names) == len(set(names)), path.name


def test_the_power_bi_model_refers_to_columns_that_it_has() -> None:
    definition = RENDERED / "powerbi" / "tickerlake.SemanticModel" / "definition"
    files = {path.stem: path.read_text() for path in definition.rglob("*.tmdl")}
    have = {
        f"{name}.{column}" for name, text in files.items() for column in re.findall(r"^\tcolumn (\w+)$", text, re.M)
    }
    tags = [tag for text in files.values() for tag in re.findall(r"lineageTag: (.+)", text)]
    assert len(tags) == len(set(tags)) > len(have)
    assert not [text for text in files.values() if re.search(r"^\t* +\S", text, re.M)], "tabs only"
    assert set(re.findall(r"ref table (\w+)", files["model"])) == {path.stem for path in definition.glob("tables/*")}
    assert set(re.findall(r"(?:from|to)Column: (.+)", files["relationships"])) <= have
    for card in cards():
        assert {f"{card.name}.{column}" for column in card.columns} <= have
        assert powerbi.asked_by(files[card.name]) == powerbi.query(card).rstrip()
    measured = {f"{t}.{c}" for text in files.values() for t, c in re.findall(r"(\w+)\[(\w+)\]", text) if t != "type"}
    assert measured <= have and len(measured) > 10
    assert set(powerbi.MEASURES) <= {card.name for card in cards()}


@pytest.mark.slow
def test_metabase_files_pass_its_schema() -> None:
    folder, installed = RENDERED.parent / "metabase_schema", PROJECT / ".venv-node" / "bin"
    if not (npm := shutil.which("npm", path=f"{os.environ['PATH']}:{installed}")):
        pytest.skip("npm is not here, which brings Metabase's schema: `make page` installs one")
    environment = {**os.environ, "PATH": f"{os.environ['PATH']}:{installed}"}
    subprocess.run([npm, "ci", "--silent"], cwd=folder, env=environment, check=True, timeout=120)
    done = subprocess.run(
        [folder / "node_modules" / ".bin" / "representations", "validate-schema", "--folder", RENDERED / "metabase"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(cards()) + len(dashboards()) + 1} passed" in done.stdout

"""The rendered files of each tool are consistent in themselves."""

import json
import os
import re
import shutil
import subprocess
from datetime import date
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

from dashboards import grafana, powerbi
from dashboards.__main__ import main, render_all
from dashboards.catalog import HERE, Dashboard, Filters, cards, dashboards
from tickerlake.lake import PROJECT

FILES = render_all()


def files_below(folder: str) -> dict[Path, str]:
    return {path: text for path, text in FILES.items() if path.is_relative_to(folder)}


def test_rendering_is_repeatable_and_replaces_the_folder(tmp_path: Path) -> None:
    (tmp_path / "of_an_older_version").touch()
    assert main(["render", "--folder", str(tmp_path)]) == 0
    written = {path.relative_to(tmp_path): path.read_text() for path in tmp_path.rglob("*") if path.is_file()}
    assert written == FILES == render_all()


@pytest.mark.parametrize("name", dashboards())
def test_grafana_panels_have_a_source_and_do_not_overlap(name: str) -> None:
    board = json.loads(FILES[Path(f"grafana/dashboards/{name}.json")])
    panels: list[dict[str, Any]] = board["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels) == len(dashboards()[name].cards)
    assert {panel["datasource"]["uid"] for panel in panels} == {"tickerlake-athena"}
    declared = {variable["name"] for variable in board["templating"]["list"]}
    for panel in panels:
        (target,) = panel["targets"]
        assert target["refId"]
        assert set(re.findall(r"\$\{(\w+)", target["rawSQL"])) <= declared
        assert ("$__" in target["rawSQL"]) == any(c.title == panel["title"] and c.has_time for c in cards())
    for left, right in combinations((panel["gridPos"] for panel in panels), 2):
        assert (
            left["x"] + left["w"] <= right["x"]
            or right["x"] + right["w"] <= left["x"]
            or left["y"] + left["h"] <= right["y"]
            or right["y"] + right["h"] <= left["y"]
        )


def test_an_unknown_macro_or_variable_is_an_error() -> None:
    with pytest.raises(ValueError, match="left unexpanded"):
        grafana.expand("select $__timeGrouping(x, '5m') from ${table}", Filters([], date(2024, 1, 1), date(2024, 1, 2)))


def test_superset_files_refer_to_each_other() -> None:
    of: dict[str, dict[str, dict[str, Any]]] = {}
    for kind in ("databases", "datasets", "charts", "dashboards"):
        files = [yaml.safe_load(text) for text in files_below(f"superset/{kind}").values()]
        of[kind] = {file["uuid"]: file for file in files}
    assert {dataset["database_uuid"] for dataset in of["datasets"].values()} == of["databases"].keys()
    assert {chart["dataset_uuid"] for chart in of["charts"].values()} == of["datasets"].keys()
    chart_ids = [
        item["meta"]["uuid"]
        for board in of["dashboards"].values()
        for item in board["position"].values()
        if isinstance(item, dict) and item["type"] == "CHART"
    ]
    assert sorted(chart_ids) == sorted(of["charts"])


@pytest.mark.parametrize("board", dashboards().values(), ids=lambda board: board.name)
def test_a_superset_filter_applies_to_the_charts_that_have_it_and_no_others(board: Dashboard) -> None:
    file = yaml.safe_load(FILES[Path(f"superset/dashboards/{board.name}.yaml")])
    charts = [item["meta"] for item in file["position"].values() if isinstance(item, dict) and item["type"] == "CHART"]
    titles = {meta["chartId"]: meta["sliceName"] for meta in charts}
    assert len(titles) == len(board.cards)
    for listed in file["metadata"]["native_filter_configuration"]:
        kind = listed["id"].rpartition("-")[2]
        reached = {title for number, title in titles.items() if number not in listed["scope"]["excluded"]}
        assert reached == {card.title for card in board.cards if kind in card.filters | {"time"}}


def test_superset_selects_no_column_twice() -> None:
    for path, text in files_below("superset/charts").items():
        params = yaml.safe_load(text)["params"]
        names = [params[key] for key in ("entity", "series", "x_axis") if key in params]
        names += [metric["label"] for metric in (*params.get("metrics", []), *(params[k] for k in "xy" if k in params))]
        assert len(names) == len(set(names)), path.name


def test_the_power_bi_model_refers_to_columns_that_it_has() -> None:
    definition = files_below("powerbi/tickerlake.SemanticModel/definition")
    files = {path.stem: text for path, text in definition.items()}
    have = {
        f"{name}.{column}" for name, text in files.items() for column in re.findall(r"^\tcolumn (\w+)$", text, re.M)
    }
    tags = [tag for text in files.values() for tag in re.findall(r"lineageTag: (.+)", text)]
    assert len(tags) == len(set(tags)) > len(have)
    assert not [text for text in files.values() if re.search(r"^\t* +\S", text, re.M)], "tabs only"
    assert set(re.findall(r"ref table (\w+)", files["model"])) == {
        path.stem for path in definition if path.parent.name == "tables"
    }
    assert set(re.findall(r"(?:from|to)Column: (.+)", files["relationships"])) <= have
    for card in cards():
        assert {f"{card.name}.{column}" for column in card.columns} <= have
        assert powerbi.query_of(files[card.name]) == powerbi.query(card).rstrip()
    measured = {f"{t}.{c}" for text in files.values() for t, c in re.findall(r"(\w+)\[(\w+)\]", text) if t != "type"}
    assert measured <= have and len(measured) > 10
    assert set(powerbi.MEASURES) <= {card.name for card in cards()}


@pytest.mark.slow
def test_metabase_files_pass_its_schema(tmp_path: Path) -> None:
    assert main(["render", "--folder", str(tmp_path)]) == 0
    folder, installed = HERE / "metabase_schema", PROJECT / ".venv-node" / "bin"
    if not (npm := shutil.which("npm", path=f"{os.environ['PATH']}:{installed}")):
        pytest.skip("npm is not here, which brings Metabase's schema: `make page` installs one")
    environment = {**os.environ, "PATH": f"{os.environ['PATH']}:{installed}"}
    subprocess.run([npm, "ci", "--silent"], cwd=folder, env=environment, check=True, timeout=120)
    done = subprocess.run(
        [folder / "node_modules" / ".bin" / "representations", "validate-schema", "--folder", tmp_path / "metabase"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(cards()) + len(dashboards()) + 1} passed" in done.stdout

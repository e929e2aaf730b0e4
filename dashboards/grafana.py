"""Dashboards for Grafana's Athena data source, built with its own types."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from grafana_foundation_sdk.builders import (
    athena,
    candlestick,
    dashboard,
    statushistory,
    table,
    timeseries,
    xychart,
)
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import athena as athena_models
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.common import GraphDrawStyle

from dashboards.catalog import Card, Dashboard, Filters, as_yaml, dashboards, quoted, with_filters

SYMBOLS = "select distinct symbol from dim_series order by symbol"
INTERVALS = "select distinct bar_interval from dim_series where bar_interval <> '1day' order by bar_interval"
_SOURCE = models.DataSourceRef(type_val="grafana-athena-datasource", uid="tickerlake-athena")
_UNITS = {"percent": "percent", "price": "locale", "short": "short", "none": "none"}
_RANGES = {"prices": "now-5d", "returns": "now-1y", "health": "now-30d"}
_PANELS: dict[str, Callable[[], Any]] = {
    "candlestick": candlestick.Panel,
    "lines": timeseries.Panel,
    "bars": lambda: timeseries.Panel().draw_style(GraphDrawStyle.BARS).fill_opacity(60),
    "heatmap": statushistory.Panel,
    "points": xychart.Panel,
    "table": table.Panel,
}
_MACRO = re.compile(r"\$__(timeFilter|dateFilter|timeFrom|timeTo)\(((?:[^()]|\([^()]*\))*)\)")
_VARIABLE = re.compile(r"\$\{(symbols|interval):singlequote\}")


def query(card: Card) -> str:
    """Return the card's query with the data source's macros and Grafana's variables."""
    return with_filters(
        card.sql,
        {
            "symbols": lambda column: f"{column} in (${{symbols:singlequote}})",
            "dates": lambda column: f"$__dateFilter({column})",
            "times": lambda column: f"$__timeFilter({column})",
            "partition": lambda column: (
                f"{column} between cast($__timeFrom() as date) - interval '1' day"
                " and cast($__timeTo() as date) + interval '1' day"
            ),
            "interval": lambda column: f"{column} = ${{interval:singlequote}}",
        },
    )


def expand(sql: str, chosen: Filters) -> str:
    """Expand macros as version 3.3.3 of the plugin does; no symbols become the query of all, as in the front end.

    Raises ValueError when something is left that would not be replaced.
    """
    first, last = f"TIMESTAMP '{chosen.first} 00:00:00'", f"TIMESTAMP '{chosen.last} 23:59:59'"
    macros: dict[str, Callable[[str], str]] = {
        "timeFilter": lambda column: f"{column} BETWEEN {first} AND {last}",
        "dateFilter": lambda column: f"{column} BETWEEN date '{chosen.first}' AND date '{chosen.last}'",
        "timeFrom": lambda _: first,
        "timeTo": lambda _: last,
    }
    values = {
        "symbols": quoted(chosen.symbols) if chosen.symbols else SYMBOLS.partition(" order")[0],
        "interval": quoted([chosen.interval]),
    }
    expanded = _MACRO.sub(lambda match: macros[match[1]](match[2]), sql)
    expanded = _VARIABLE.sub(lambda match: values[match[1]], expanded)
    if "$" in expanded:
        raise ValueError(f"left unexpanded: {expanded}")
    return expanded


def render() -> dict[Path, str]:
    """Return the dashboards and the files that provision them, by path."""
    files = {Path(f"dashboards/{name}.json"): _json(_dashboard(board)) for name, board in dashboards().items()}
    provider = {
        "name": "tickerlake",
        "folder": "tickerlake",
        "type": "file",
        "options": {"path": "/var/lib/grafana/dashboards/tickerlake"},
    }
    source = {
        "name": "tickerlake",
        "type": _SOURCE.type_val,
        "uid": _SOURCE.uid,
        "jsonData": {
            "authType": "default",
            "defaultRegion": "$AWS_REGION",
            "catalog": "AwsDataCatalog",
            "database": "published",
            "workgroup": "primary",
        },
    }
    return {
        **files,
        Path("provisioning/dashboards/tickerlake.yaml"): as_yaml({"apiVersion": 1, "providers": [provider]}),
        Path("provisioning/datasources/tickerlake.yaml"): as_yaml({"apiVersion": 1, "datasources": [source]}),
    }


def _dashboard(board: Dashboard) -> models.Dashboard:
    built = (
        dashboard.Dashboard(f"tickerlake: {board.title}")
        .uid(f"tickerlake-{board.name}")
        .description(board.description)
        .tags(["tickerlake"])
        .timezone("utc")
        .time(_RANGES[board.name], "now")
    )
    filters = set().union(*(card.filters for card in board.cards))
    if "symbols" in filters:
        every = models.VariableOption(selected=True, text=["All"], value=["$__all"])
        built.with_variable(_variable("symbols", "Symbols", SYMBOLS).multi(True).include_all(True).current(every))
    if "interval" in filters:
        minute = models.VariableOption(selected=True, text="1min", value="1min")
        built.with_variable(_variable("interval", "Length of bars", INTERVALS).current(minute))
    for number, card in enumerate(board.cards):
        built.with_panel(_panel(card, number))
    return built.build()


def _variable(name: str, label: str, sql: str) -> dashboard.QueryVariable:
    query: dict[str, object] = {"rawSQL": sql, "format": 1, "connectionArgs": _connection()}
    return (
        dashboard.QueryVariable(name)
        .label(label)
        .datasource(_SOURCE)
        .query(query)
        .refresh(models.VariableRefresh.ON_DASHBOARD_LOAD)
    )


def _panel(card: Card, number: int) -> Any:
    is_series = card.chart_type in ("lines", "bars", "heatmap")
    target = (
        athena.Dataquery()
        .ref_id("A")
        .datasource(_SOURCE)
        .raw_sql(query(card))
        .format(athena_models.FormatOptions.TIME_SERIES if is_series else athena_models.FormatOptions.TABLE)
        .connection_args(athena.ConnectionArgs().region("__default").catalog("__default").database("__default"))
    )
    panel = (
        _PANELS[card.chart_type]()
        .id(number + 1)
        .title(card.title)
        .description(card.description)
        .datasource(_SOURCE)
        .grid_pos(models.GridPos(h=9, w=12, x=12 * (number % 2), y=9 * (number // 2)))
        .unit(_UNITS[card.unit])
        .with_target(target)
    )
    if card.chart_type == "candlestick":  # one panel for each symbol: candles of several would be drawn as one
        panel.repeat("symbols").repeat_direction("h")
    if is_series:
        for column in card.columns.keys() - {card.x, card.series, *card.y}:
            hidden = {"viz": True, "legend": True, "tooltip": True}
            panel.override_by_regexp(f"/^{column}/", [models.DynamicConfigValue("custom.hideFrom", hidden)])
    return panel


def _connection() -> dict[str, object]:
    return {"region": "__default", "catalog": "__default", "database": "__default"}


def _json(content: object) -> str:
    return json.dumps(json.loads(JSONEncoder(sort_keys=True).encode(content)), indent=2, sort_keys=True) + "\n"

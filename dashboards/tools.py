"""Every tool's query of a card, as the tool would send it: what the tests run."""

from collections.abc import Callable, Mapping

from dashboards import grafana, metabase, powerbi, superset
from dashboards.catalog import Card, Filters, plain

TOOLS: Mapping[str, Callable[[Card, Filters], str]] = {
    "plain": plain,
    "grafana": lambda card, chosen: grafana.expand(grafana.query(card), chosen),
    "metabase": lambda card, chosen: metabase.expand(metabase.query(card), chosen),
    "powerbi": lambda card, chosen: powerbi.expand(powerbi.query(card), chosen),
    "superset": lambda card, chosen: superset.expand(superset.query(card), chosen),
}


def queries(card: Card, chosen: Filters) -> dict[str, str]:
    """Give the query of each tool."""
    return {tool: expand(card, chosen) for tool, expand in TOOLS.items()}

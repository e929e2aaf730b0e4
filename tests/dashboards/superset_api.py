"""A client of a running Superset that sends what its own pages send."""

from typing import Any

import requests

from dashboards.catalog import Card
from dashboards.superset import chart_query


class SupersetClient:
    """A session of the administrator."""

    def __init__(self, base: str, password: str) -> None:
        self._base = base
        self._session = requests.Session()
        login = {"username": "admin", "password": password, "provider": "db", "refresh": True}
        response = self._session.post(f"{base}/api/v1/security/login", json=login, timeout=30)
        response.raise_for_status()
        self._session.headers["Authorization"] = f"Bearer {response.json()['access_token']}"
        token = self._session.get(f"{base}/api/v1/security/csrf_token/", timeout=30).json()["result"]
        self._session.headers.update({"X-CSRFToken": token, "Referer": base})

    def charts(self) -> dict[str, dict[str, Any]]:
        """Return the charts by title, with their type and the dataset's id."""
        charts = self._session.get(f"{self._base}/api/v1/chart/?q=(page_size:100)", timeout=30).json()["result"]
        return {chart["slice_name"]: chart for chart in charts}

    def rows(self, card: Card, dataset: int, filters: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return the rows of the card's chart with these filters."""
        query = chart_query(card) | {"filters": filters, "row_limit": 50000}
        body = {
            "datasource": {"id": dataset, "type": "table"},
            "queries": [query],
            "result_format": "json",
            "result_type": "full",
            "force": True,
        }
        response = self._session.post(f"{self._base}/api/v1/chart/data", json=body, timeout=60)
        assert response.status_code == 200, f"{card.name}: {response.text[:800]}"
        return list(response.json()["result"][0]["data"])

"""Descriptions in Glue: written to the columns of published views, without any other change."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from moto import mock_aws

from pipeline.describe import describe


@pytest.fixture
def glue(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("TICKERLAKE_PUBLISHED_SCHEMA", "mine_published")
    with mock_aws():
        client = boto3.client("glue")
        client.create_database(DatabaseInput={"Name": "mine_published"})
        columns: Any = [{"Name": "symbol", "Type": "string"}, {"Name": "close", "Type": "decimal(18,8)"}]
        client.create_table(
            DatabaseName="mine_published",
            TableInput={
                "Name": "fct_bar",
                "Description": "Presto View",
                "TableType": "VIRTUAL_VIEW",
                "ViewOriginalText": "/* a view */",
                "Parameters": {"presto_view": "true"},
                "StorageDescriptor": {"Columns": columns},
            },
        )
        yield client


def model(name: str, access: str, **columns: str) -> Any:
    return SimpleNamespace(
        resource_type="model",
        alias=name,
        description="One row\n per bar.",
        config=SimpleNamespace(access=access),
        columns={column: SimpleNamespace(description=text) for column, text in columns.items()},
    )


def test_views_and_columns_are_described_and_the_rest_stays(glue: Any) -> None:
    nodes = [
        model("fct_bar", "public", symbol="The  symbol.", close="é" * 200),
        model("int_bar", "protected", symbol="-"),
        SimpleNamespace(resource_type="test"),
    ]
    fake_dbt: Any = SimpleNamespace(nodes=lambda: dict(enumerate(nodes)))
    assert list(describe(fake_dbt, glue)) == ["described 1 views of mine_published"]
    table = glue.get_table(DatabaseName="mine_published", Name="fct_bar")["Table"]
    assert table["Description"] == "Presto View"
    assert table["StorageDescriptor"]["Columns"] == [
        {"Name": "symbol", "Type": "string", "Comment": "The symbol."},
        {"Name": "close", "Type": "decimal(18,8)", "Comment": "é" * 127},
    ]
    assert (table["ViewOriginalText"], table["Parameters"]) == ("/* a view */", {"presto_view": "true"})
    assert table["TableType"] == "VIRTUAL_VIEW"

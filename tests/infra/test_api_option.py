"""The PostgreSQL copy and the API of the template: options that are off by default and read one secret."""

import json
from typing import Any

from serving.api import package
from serving.api.handler import lambda_handler
from tests.infra.template import RESOURCES, TEMPLATE, assert_only_own_resources_refer_to

OWN = {name for name, resource in RESOURCES.items() if resource.get("Condition") in ("HasApi", "HasPublicApi")}
PARAMETER = "arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter${DatabaseParameter}"


def granted(role: str) -> list[dict[str, Any]]:
    statements = RESOURCES[role]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    return [statement["Fn::If"][1] if "Fn::If" in statement else statement for statement in statements]


def test_both_are_off_by_default_and_then_create_no_resource() -> None:
    parameters = TEMPLATE["Parameters"]
    assert (parameters["Api"]["Default"], parameters["DatabaseParameter"]["Default"]) == ("false", "")
    assert {"ApiFunction", "ApiUrl", "ApiRole", "ApiLogs", "ApiFails", "PublicApiUrlPermission"} < OWN
    assert_only_own_resources_refer_to(OWN)
    assert TEMPLATE["Conditions"]["HasApi"]["Fn::And"][1] == {"Condition": "HasDatabase"}
    assert "ApiNeedsADatabase" in TEMPLATE["Rules"]


def test_requests_must_be_signed_unless_public_access_is_set() -> None:
    assert TEMPLATE["Parameters"]["ApiAuth"]["Default"] == "AWS_IAM"
    assert RESOURCES["ApiUrl"]["Properties"]["AuthType"] == {"Ref": "ApiAuth"}
    public = [name for name, resource in RESOURCES.items() if resource["Type"] == "AWS::Lambda::Permission"]
    assert {RESOURCES[name]["Condition"] for name in public} == {"HasPublicApi"}


def test_the_job_and_the_api_read_the_database_url_and_no_other_secret() -> None:
    variables = RESOURCES["Transform"]["Properties"]["Environment"]["EnvironmentVariables"]
    (url,) = [variable["Fn::If"] for variable in variables if "Fn::If" in variable]
    assert url[:2] == [
        "HasDatabase",
        {"Name": "DATABASE_URL", "Type": "PARAMETER_STORE", "Value": {"Ref": "DatabaseParameter"}},
    ]
    for role, action in (("TransformRole", "ssm:GetParameters"), ("ApiRole", "ssm:GetParameter")):
        (secret,) = [statement for statement in granted(role) if "ssm" in json.dumps(statement["Action"])]
        assert (secret["Action"], secret["Resource"]) == ([action], {"Fn::Sub": PARAMETER})
    services = {action.split(":")[0] for statement in granted("ApiRole") for action in statement["Action"]}
    assert services == {"logs", "ssm", "sqs", "kms"}


def test_handler_and_runtime_are_those_of_the_package() -> None:
    function = RESOURCES["ApiFunction"]["Properties"]
    assert function["Handler"] == f"{lambda_handler.__module__}.{lambda_handler.__name__}"
    runtime = TEMPLATE["Globals"]["Function"]
    assert runtime["Runtime"] == f"python{package.PYTHON}"
    assert (runtime["Architectures"], package.PLATFORM.split("-")[0]) == (["arm64"], "aarch64")
    assert function["Environment"]["Variables"]["DATABASE_URL_SECRET"] == {"Fn::Sub": "ssm:${DatabaseParameter}"}

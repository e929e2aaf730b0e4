"""The PostgreSQL copy and the API of the template: options that are off, and read one secret."""

import json
from typing import Any

from infra.template import load
from serving.api import package
from serving.api.handler import lambda_handler
from tests.infra.test_hot_path import assert_only_its_own_need_it

TEMPLATE = load()
RESOURCES: dict[str, Any] = TEMPLATE["Resources"]
OWN = {name for name, one in RESOURCES.items() if one.get("Condition") in ("HasApi", "HasPublicApi")}
PARAMETER = "arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter${DatabaseParameter}"


def granted(role: str) -> list[dict[str, Any]]:
    statements = RESOURCES[role]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    return [one["Fn::If"][1] if "Fn::If" in one else one for one in statements]


def test_both_are_off_and_leave_nothing_behind_when_they_are() -> None:
    parameters = TEMPLATE["Parameters"]
    assert (parameters["Api"]["Default"], parameters["DatabaseParameter"]["Default"]) == ("false", "")
    assert {"ApiFunction", "ApiUrl", "ApiRole", "ApiLogs", "ApiFails", "ApiForEverybody"} < OWN
    assert_only_its_own_need_it(OWN)
    assert TEMPLATE["Conditions"]["HasApi"]["Fn::And"][1] == {"Condition": "HasDatabase"}
    assert "ApiNeedsADatabase" in TEMPLATE["Rules"]


def test_nobody_gets_in_without_a_signature_unless_that_is_asked_for() -> None:
    assert TEMPLATE["Parameters"]["ApiAuth"]["Default"] == "AWS_IAM"
    assert RESOURCES["ApiUrl"]["Properties"]["AuthType"] == {"Ref": "ApiAuth"}
    public = [name for name, one in RESOURCES.items() if one["Type"] == "AWS::Lambda::Permission"]
    assert {RESOURCES[name]["Condition"] for name in public} == {"HasPublicApi"}


def test_the_job_and_the_api_read_the_address_and_no_other_secret() -> None:
    variables = RESOURCES["Transform"]["Properties"]["Environment"]["EnvironmentVariables"]
    (address,) = [one["Fn::If"] for one in variables if "Fn::If" in one]
    assert address[:2] == [
        "HasDatabase",
        {"Name": "DATABASE_URL", "Type": "PARAMETER_STORE", "Value": {"Ref": "DatabaseParameter"}},
    ]
    for role, action in (("TransformRole", "ssm:GetParameters"), ("ApiRole", "ssm:GetParameter")):
        (secret,) = [one for one in granted(role) if "ssm" in json.dumps(one["Action"])]
        assert (secret["Action"], secret["Resource"]) == ([action], {"Fn::Sub": PARAMETER})
    services = {action.split(":")[0] for one in granted("ApiRole") for action in one["Action"]}
    assert services == {"logs", "ssm", "sqs", "kms"}


def test_the_function_is_the_one_that_the_package_holds_for_its_runtime() -> None:
    function = RESOURCES["ApiFunction"]["Properties"]
    assert function["Handler"] == f"{lambda_handler.__module__}.{lambda_handler.__name__}"
    runtime = TEMPLATE["Globals"]["Function"]
    assert runtime["Runtime"] == f"python{package.PYTHON}"
    assert (runtime["Architectures"], package.PLATFORM.split("-")[0]) == (["arm64"], "aarch64")
    assert function["Environment"]["Variables"]["DATABASE_URL_SECRET"] == {"Fn::Sub": "ssm:${DatabaseParameter}"}

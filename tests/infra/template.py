"""What several tests of the template use."""

import json
import re
from collections.abc import Mapping
from typing import Any

from infra.template import load

TEMPLATE = load()
RESOURCES: dict[str, Any] = TEMPLATE["Resources"]
ACCOUNT, REGION, STACK = "123456789012", "us-east-1", "tickerlake-dev"
_ARNS = {
    "Athena::WorkGroup": "arn:aws:athena:{region}:{account}:workgroup/{name}",
    "CodeBuild::Project": "arn:aws:codebuild:{region}:{account}:project/{name}",
    "DynamoDB::Table": "arn:aws:dynamodb:{region}:{account}:table/{name}",
    "IAM::ManagedPolicy": "arn:aws:iam::{account}:policy/{name}",
    "IAM::Role": "arn:aws:iam::{account}:role/{name}",
    "KMS::Key": "arn:aws:kms:{region}:{account}:key/{name}",
    "Kinesis::Stream": "arn:aws:kinesis:{region}:{account}:stream/{name}",
    "KinesisFirehose::DeliveryStream": "arn:aws:firehose:{region}:{account}:deliverystream/{name}",
    "Logs::LogGroup": "arn:aws:logs:{region}:{account}:log-group:{name}:*",
    "S3::Bucket": "arn:aws:s3:::{name}",
    "SNS::Topic": "arn:aws:sns:{region}:{account}:{name}",
    "SQS::Queue": "arn:aws:sqs:{region}:{account}:{name}",
    "Serverless::Function": "arn:aws:lambda:{region}:{account}:function:{name}",
}
_ABSENT = object()


def name_of(logical: str) -> str:
    """Return a resource's physical name as CloudFormation makes it up, without its random end."""
    name = f"{STACK}-{logical}"
    return name.lower() if RESOURCES[logical]["Type"] == "AWS::S3::Bucket" else name


def arn_of(logical: str) -> str:
    kind = RESOURCES[logical]["Type"].removeprefix("AWS::")
    name = STACK if kind == "Athena::WorkGroup" else name_of(logical)
    return _ARNS[kind].format(region=REGION, account=ACCOUNT, name=name)


class Resolved:
    """The template's expressions for one set of parameters; what is not given has its default."""

    def __init__(self, template: Mapping[str, Any] = TEMPLATE, /, **parameters: str) -> None:
        self._template = template
        self._values = {name: str(given.get("Default", name)) for name, given in template["Parameters"].items()}
        self._values |= parameters

    def value(self, expression: Any) -> Any:
        """Resolve intrinsic functions; AWS::NoValue leaves its place out."""
        if isinstance(expression, list):
            return [item for item in map(self.value, expression) if item is not _ABSENT]
        if not isinstance(expression, dict):
            return expression
        if len(expression) == 1:
            ((function, argument),) = expression.items()
            if function == "Ref":
                return self._ref(argument)
            if function == "Fn::GetAtt":
                return arn_of(argument[0]) if argument[1] == "Arn" else name_of(argument[0])
            if function == "Fn::Sub":
                return re.sub(r"\$\{([\w:.]+)\}", lambda match: str(self._named(match[1])), argument)
            if function == "Fn::If":
                return self.value(argument[1 if self.holds(argument[0]) else 2])
        resolved = {key: self.value(item) for key, item in expression.items()}
        return {key: item for key, item in resolved.items() if item is not _ABSENT}

    def holds(self, condition: str) -> bool:
        return bool(self._decide(self._template["Conditions"][condition]))

    def _decide(self, expression: Any) -> Any:
        ((function, argument),) = expression.items()
        if function == "Condition":
            return self.holds(argument)
        if function == "Fn::Not":
            return not self._decide(argument[0])
        if function == "Fn::And":
            return all(map(self._decide, argument))
        left, right = map(self.value, argument)  # Fn::Equals
        return str(left) == str(right)

    def _named(self, name: str) -> Any:
        logical, _, attribute = name.partition(".")
        return self.value({"Fn::GetAtt": [logical, attribute]}) if attribute else self._ref(name)

    def _ref(self, name: str) -> Any:
        pseudo = {"Region": REGION, "AccountId": ACCOUNT, "StackName": STACK, "Partition": "aws", "NoValue": _ABSENT}
        if name.startswith("AWS::"):
            return pseudo[name.removeprefix("AWS::")]
        if name in self._values:
            return self._values[name]
        kind = RESOURCES[name]["Type"]
        if kind == "AWS::Athena::WorkGroup":
            return STACK
        return arn_of(name) if kind in ("AWS::SNS::Topic", "AWS::IAM::ManagedPolicy") else name_of(name)

    def exists(self, logical: str) -> bool:
        condition = RESOURCES[logical].get("Condition")
        return condition is None or self.holds(condition)

    def statements_of_role(self, role: str) -> list[dict[str, Any]]:
        """Return the statements of a role's own policies and of those attached to it."""
        properties = RESOURCES[role]["Properties"]
        documents = [policy["PolicyDocument"] for policy in properties.get("Policies", [])]
        documents += [
            RESOURCES[attached["Ref"]]["Properties"]["PolicyDocument"]
            for attached in properties.get("ManagedPolicyArns", [])
        ]
        return [statement for document in documents for statement in self.value(document["Statement"])]


def assert_only_own_resources_refer_to(own: set[str]) -> None:
    """Assert that no resource outside an option refers to one inside, which may not exist."""
    reference = re.compile(r'"(?:Ref|Fn::GetAtt)": \[?"(\w+)"')
    for name, resource in RESOURCES.items():
        optional = set(reference.findall(json.dumps(resource))) & own
        assert name in own or not optional, f"{name} needs {optional}, which may not exist"

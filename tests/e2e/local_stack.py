"""The deployment's template on the local AWS: every resource through its service's API, and stand-ins for what runs.

moto's CloudFormation reports types complete that it does not make, so it is not used. Here the template, translated by
AWS's own SAM translator, is resolved and created resource by resource; botocore checks each call's parameters, moto
keeps it. `HOW` says what that proves for each type. Lambda, CodeBuild and the schedules run nothing in moto: `invoke`,
`build` and `fire` do as they are configured *there*, in processes of their own.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import Any

import boto3
import yaml
from botocore.exceptions import ClientError

from infra.template import write
from tickerlake.lake import PROJECT

ACCOUNT, REGION = "123456789012", "us-east-1"
CREATED, AS_OPTION, STOOD_IN, LINTED = "created", "created as an option", "stood in", "only linted"
HOW = {
    "AWS::Athena::WorkGroup": (CREATED, "results' location and limit hold; encryption is not done"),
    "AWS::Budgets::Budget": (CREATED, "kept, never evaluated"),
    "AWS::CloudWatch::Alarm": (CREATED, "kept, never evaluated"),
    "AWS::CloudWatch::Dashboard": (CREATED, "kept, not drawn"),
    "AWS::CodeBuild::Project": (STOOD_IN, "its archive, variables and commands run in a process; its install does not"),
    "AWS::DynamoDB::Table": (AS_OPTION, "holds the hot path's items; nothing expires"),
    "AWS::Events::Rule": (CREATED, "kept; no event is matched"),
    "AWS::Glue::Database": (CREATED, "read by Trino"),
    "AWS::Glue::Table": (CREATED, "read by Trino, projection included"),
    "AWS::IAM::ManagedPolicy": (CREATED, "kept, not enforced"),
    "AWS::IAM::Role": (CREATED, "kept, not enforced"),
    "AWS::KMS::Key": (LINTED, "an option, off"),
    "AWS::Kinesis::Stream": (AS_OPTION, "holds records; Firehose does not read it here"),
    "AWS::KinesisFirehose::DeliveryStream": (CREATED, "delivers: prefix, GZIP, extension; no buffering"),
    "AWS::Lambda::EventInvokeConfig": (CREATED, "kept; nothing is retried"),
    "AWS::Lambda::EventSourceMapping": (AS_OPTION, "kept; the test hands the records over"),
    "AWS::Lambda::Permission": (LINTED, "an option, off"),
    "AWS::Lambda::Url": (CREATED, "kept; nothing listens: the function is given requests as the URL would"),
    "AWS::Lambda::Function": (STOOD_IN, "its package, handler and variables run in a process; no limits"),
    "AWS::Logs::LogGroup": (CREATED, "kept; nothing is written"),
    "AWS::Logs::LogStream": (CREATED, "kept; nothing is written"),
    "AWS::S3::Bucket": (CREATED, "holds objects and versions; nothing expires"),
    "AWS::S3::BucketPolicy": (CREATED, "refuses plain HTTP; then taken off, as the local AWS has nothing else"),
    "AWS::SNS::Subscription": (CREATED, "kept; no mail"),
    "AWS::SNS::Topic": (CREATED, "kept"),
    "AWS::SNS::TopicPolicy": (CREATED, "kept, not enforced"),
    "AWS::SQS::Queue": (CREATED, "holds messages"),
    "AWS::SQS::QueuePolicy": (CREATED, "kept, not enforced"),
    "AWS::Scheduler::Schedule": (STOOD_IN, "its target is started with its input; time and retries are not played"),
}
_NOTHING = object()
_RUNTIME = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six", "urllib3")
"""What Lambda's runtime has of its own; all else must be in the package."""


def clients(endpoint: Mapping[str, str]) -> Callable[[str], Any]:
    """Return a function that makes clients of a local AWS."""

    def client(service: str) -> Any:
        return boto3.client(
            service,  # type: ignore[call-overload]
            endpoint_url=endpoint["AWS_ENDPOINT_URL"],
            region_name=endpoint["AWS_REGION"],
            aws_access_key_id="local",
            aws_secret_access_key="local",
        )

    return client


def translated() -> dict[str, Any]:
    """Return the template as CloudFormation sees it, SAM resolved, by AWS's translator in .venv-infra."""
    flat = PROJECT / "target" / "template.json"
    write(flat)
    python = PROJECT / ".venv-infra" / "bin" / "python"
    assert python.exists(), "no .venv-infra: run `make setup-infra`"
    completed = subprocess.run(
        [str(python), "-m", "infra.sam", str(flat)], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    template: dict[str, Any] = json.loads(completed.stdout)
    return template


@dataclass
class LocalStack:
    """One stack: what `make deploy` makes, without CloudFormation."""

    name: str
    client: Callable[[str], Any]
    parameters: Mapping[str, str]
    template: Mapping[str, Any] = field(default_factory=translated)
    created: dict[str, tuple[str, dict[str, str]]] = field(default_factory=dict)
    """By logical name: the physical one, and attributes."""

    def create(self) -> dict[str, str]:
        """Make every resource whose condition holds; return the outputs."""
        for logical in self.template["Resources"]:
            self.make(logical)
        outputs = {name: self.value(output["Value"]) for name, output in self.template["Outputs"].items()}
        return {name: str(value) for name, value in outputs.items()}

    def holds(self, condition: str) -> bool:
        """Return whether a condition of the template holds."""
        return bool(self.value(self.template["Conditions"][condition]))

    def value(self, expression: Any) -> Any:
        """Resolve intrinsic functions; AWS::NoValue leaves its place out."""
        if isinstance(expression, list):
            return [item for item in map(self.value, expression) if item is not _NOTHING]
        if not isinstance(expression, dict):
            return expression
        if len(expression) == 1:
            ((name, of),) = expression.items()
            if name == "Ref":
                return self._ref(of)
            if name == "Fn::GetAtt":
                return self.make(of[0])[1][of[1]]
            if name == "Fn::Sub":
                return re.sub(r"\$\{(!?)([\w.:]+)\}", self._substituted, of)
            if name == "Fn::If":
                return self.value(of[1 if self.holds(of[0]) else 2])
            if name == "Fn::Equals":
                left, right = map(self.value, of)
                return str(left) == str(right)
            if name == "Fn::And":
                return all(map(self.value, of))
            if name == "Condition":
                return self.holds(of)
            if name == "Fn::Not":
                return not self.value(of[0])
        resolved = {key: self.value(item) for key, item in expression.items()}
        return {key: item for key, item in resolved.items() if item is not _NOTHING}

    def _substituted(self, match: re.Match[str]) -> str:
        if match[1]:
            return "${" + match[2] + "}"
        if match[2] in self.template["Resources"] or "." not in match[2]:
            return str(self._ref(match[2]))
        logical, attribute = match[2].split(".", 1)
        return self.make(logical)[1][attribute]

    def _ref(self, name: str) -> Any:
        pseudo = {
            "AWS::Region": REGION,
            "AWS::AccountId": ACCOUNT,
            "AWS::StackName": self.name,
            "AWS::Partition": "aws",
            "AWS::NoValue": _NOTHING,
        }
        if name in pseudo:
            return pseudo[name]
        if name in self.template["Parameters"]:
            return self.parameters.get(name, self.template["Parameters"][name].get("Default", ""))
        return self.make(name)[0]

    def make(self, logical: str) -> tuple[str, dict[str, str]]:
        """Create a resource and what it needs, once; return its physical name and attributes."""
        if logical in self.created:
            return self.created[logical]
        resource = self.template["Resources"][logical]
        if "Condition" in resource and not self.holds(resource["Condition"]):
            return ("", {})
        properties = self.value(resource["Properties"])
        kind = resource["Type"].removeprefix("AWS::").replace("::", "_")
        name = f"{self.name}-{logical}".lower() if kind == "S3_Bucket" else f"{self.name}-{logical}"
        self.created[logical] = getattr(self, f"_{kind}")(name, properties)
        return self.created[logical]

    def delete(self) -> None:
        """Delete what CloudFormation would, the last made first; buckets that the template retains stay."""
        for logical, (name, attributes) in reversed(self.created.items()):
            resource = self.template["Resources"][logical]
            if not str(resource.get("DeletionPolicy")).startswith("Retain"):
                self._delete(resource["Type"].removeprefix("AWS::"), name, attributes)

    # ---- one function a type: properties in, physical name and attributes out

    def _S3_Bucket(self, name: str, given: dict[str, Any]) -> tuple[str, dict[str, str]]:  # noqa: N802
        s3 = self.client("s3")
        s3.create_bucket(Bucket=name)
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration=given["VersioningConfiguration"])
        s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=given["PublicAccessBlockConfiguration"])
        (rule,) = given["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        encryption = {"ApplyServerSideEncryptionByDefault": rule["ServerSideEncryptionByDefault"]}
        s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": [encryption]})
        rules = [_lifecycle(rule) for rule in given["LifecycleConfiguration"]["Rules"]]
        s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": rules})
        return name, {"Arn": f"arn:aws:s3:::{name}"}

    def _S3_BucketPolicy(self, name: str, given: dict[str, Any]) -> tuple[str, dict[str, str]]:  # noqa: N802
        s3 = self.client("s3")
        s3.put_bucket_policy(Bucket=given["Bucket"], Policy=json.dumps(given["PolicyDocument"]))
        try:
            s3.head_object(Bucket=given["Bucket"], Key="anything")
        except ClientError as error:
            assert error.response["Error"]["Code"] == "403", error  # a missing object would be 404
        s3.delete_bucket_policy(Bucket=given["Bucket"])
        return name, {}

    def _Logs_LogGroup(self, name: str, given: dict[str, Any]) -> tuple[str, dict[str, str]]:  # noqa: N802
        self.client("logs").create_log_group(logGroupName=name)
        self.client("logs").put_retention_policy(logGroupName=name, retentionInDays=given["RetentionInDays"])
        return name, {"Arn": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{name}:*"}

    def _Logs_LogStream(self, _: str, given: dict[str, Any]) -> tuple[str, dict[str, str]]:  # noqa: N802
        self.client("logs").create_log_stream(logGroupName=given["LogGroupName"], logStreamName=given["LogStreamName"])
        return given["LogStreamName"], {"group": given["LogGroupName"]}

    def _IAM_Role(self, name: str, given: dict[str, Any]) -> tuple[str, dict[str, str]]:  # noqa: N802
        iam = self.client("iam")
        role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(given["AssumeRolePolicyDocument"]))[
            "Role"
        ]
        for policy in given.get("Policies", []):
            document = json.dumps(policy["PolicyDocument"])
            iam.put_role_policy(RoleName=name, PolicyName=policy["PolicyName"], PolicyDocument=document)
        for arn in given.get("ManagedPolicyArns", []):
            iam.attach_role_policy(RoleName=name, PolicyArn=arn)
        return name, {"Arn": role["Arn"]}

    def _IAM_ManagedPolicy(self, name: str, given: dict[str, Any]) -> tuple[str, dict[str, str]]:  # noqa: N802
        response = self.client("iam").create_policy(PolicyName=name, PolicyDocument=json.dumps(given["PolicyDocument"]))
        return response["Policy"]["Arn"], {}

    def _SQS_Queue(self, name: str, given: dict[str, Any]) -> tuple[str, dict[str, str]]:  # noqa: N802
        attributes = {key: str(value).lower() for key, value in given.items()}
        url = self.client("sqs").create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        return url, {"Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}", "QueueName": name}

    def _SQS_QueuePolicy(self, name: str, given: dict[str, Any]) -> tuple[str, dict[str, str]]:  # noqa: N802
        for url in given["Queues"]:
            policy = json.dumps(given["PolicyDocument"])
            self.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
        return name, {}

    def _SNS_Topic(self, name: str, _: dict[str, Any]) -> tuple[str, dict[str, str]]:  # noqa: N802
        return self.client("sns").create_topic(Name=name)["TopicArn"], {}

    def _SNS_TopicPolicy(self, name: str, given: dict[str, Any]) -> tuple[str, dict[str, str]]:  # noqa: N802
        for arn in given["Topics"]:
            self.client("sns").set_topic_attributes(
                TopicArn=arn, AttributeName="Policy", AttributeValue=json.dumps(given["PolicyDocument"])
            )
        return name, {}

    def _SNS_Subscription(self, _: str, given: dict[str, Any]) -> tuple[str, dict[str, str]]:  # noqa: N802
        response = self.client("sns").subscribe(**given, ReturnSubscriptionArn=True)
        return response["SubscriptionArn"], {}

    def _Lambda_Function(self, name: str, given: dict[str, Any]) -> tuple[str, dict[str, str]]:  # noqa: N802
        properties = {key: value for key, value in given.items() if key != "Tags"}
        variables = properties["Environment"]["Variables"]
        variables.update({name: str(value) for name, value in variables.items()})  # as CloudFormation does
        reserved = properties.pop("ReservedConcurrentExecutions", None)
        response = self.client("lambda").create_function(FunctionName=name, **properties)
        if reserved is not None:
            self.client("lambda").put_function_concurrency(
                FunctionName=name, ReservedConcurrentExecutions=int(reserved)
            )
        return name, {"Arn": response["FunctionArn"]}

    def _Lambda_EventInvokeConfig(self, name: str, given: dict[str, Any]) -> tuple[str, dict[str, str]]:  # noqa: N802
        self.client("lambda").put_function_event_invoke_config(
            FunctionName=given["FunctionName"],
            MaximumRetryAttempts=given["MaximumRetryAttempts"],
            MaximumEventAgeInSeconds=given["MaximumEventAgeInSeconds"],
        )
        return name, {"function": given["FunctionName"]}

    def _Lambda_Url(self, name: str, given: dict[str, Any]) -> tuple[str, dict[str, str]]:  # noqa: N802
        function = given["TargetFunctionArn"].rsplit(":", 1)[-1]
        response = self.client("lambda").create_function_url_config(FunctionName=function, AuthType=given["AuthType"])
        return name, {"FunctionUrl": response["FunctionUrl"]}

    def _Lambda_EventSourceMapping(self, _: str, given: dict[str, Any]) -> tuple[str, dict[str, str]]:  # noqa: N802
        return str(self.client("lambda").create_event_source_mapping(**given)["UUID"]), {}

    def _Kinesis_Stream(self, name: str, given: dict[str, Any]) -> tuple[str, dict[str, str]]:  # noqa: N802
        kinesis, encryption = self.client("kinesis"), given["StreamEncryption"]
        kinesis.create_stream(StreamName=name, ShardCount=int(given["ShardCount"]))
        kinesis.start_stream_encryption(
            StreamName=name, EncryptionType=encryption["EncryptionType"], KeyId=encryption["KeyId"]
        )
        return name, {"Arn": f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/{name}"}

    def _DynamoDB_Table(self, name: str, given: dict[str, Any]) -> tuple[str, dict[str, str]]:  # noqa: N802
        dynamodb, lifetime = self.client("dynamodb"), given.pop("TimeToLiveSpecification", None)
        response = dynamodb.create_table(TableName=name, **given)["TableDescription"]
        if lifetime:
            dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification=lifetime)
        return name, {"Arn": response["TableArn"]}

    def _Athena_WorkGroup(self, _: str, given: dict[str, Any]) -> tuple[str, dict[str, str]]:  # noqa: N802
        configuration = given["WorkGroupConfiguration"]
        configuration["BytesScannedCutoffPerQuery"] = int(configuration["BytesScannedCutoffPerQuery"])
        self.client("athena").create_work_group(Name=given["Name"], Configuration=configuration)
        return given["Name"], {}

    def _Glue_Database(self, _: str, given: dict[str, Any]) -> tuple[str, dict[str, str]]:  # noqa: N802
        self.client("glue").create_database(DatabaseInput=given["DatabaseInput"])
        return given["DatabaseInput"]["Name"], {}

    def _Glue_Table(self, _: str, given: dict[str, Any]) -> tuple[str, dict[str, str]]:  # noqa: N802
        self.client("glue").create_table(DatabaseName=given["DatabaseName"], TableInput=given["TableInput"])
        return given["TableInput"]["Name"], {"database": given["DatabaseName"]}

    def _KinesisFirehose_DeliveryStream(  # noqa: N802
        self, name: str, given: dict[str, Any]
    ) -> tuple[str, dict[str, str]]:
        target = given["ExtendedS3DestinationConfiguration"]
        target["BufferingHints"] = {key: int(value) for key, value in target["BufferingHints"].items()}
        response = self.client("firehose").create_delivery_stream(DeliveryStreamName=name, **given)
        return name, {"Arn": response["DeliveryStreamARN"]}

    def _CodeBuild_Project(self, name: str, given: dict[str, Any]) -> tuple[str, dict[str, str]]:  # noqa: N802
        properties = {key[0].lower() + key[1:]: _lower_camel(value) for key, value in given.items()}
        properties["source"]["buildspec"] = properties["source"].pop("buildSpec")
        response = self.client("codebuild").create_project(name=name, **properties)
        return name, {"Arn": response["project"]["arn"]}

    def _Scheduler_Schedule(self, name: str, given: dict[str, Any]) -> tuple[str, dict[str, str]]:  # noqa: N802
        self.client("scheduler").create_schedule(Name=name, **given)
        return name, {}

    def _Events_Rule(self, name: str, given: dict[str, Any]) -> tuple[str, dict[str, str]]:  # noqa: N802
        events = self.client("events")
        pattern = json.dumps(given["EventPattern"])
        events.put_rule(Name=name, EventPattern=pattern, Description=given["Description"])
        targets = [target | {"InputTransformer": target["InputTransformer"]} for target in given["Targets"]]
        events.put_targets(Rule=name, Targets=targets)
        return name, {}

    def _CloudWatch_Alarm(self, name: str, given: dict[str, Any]) -> tuple[str, dict[str, str]]:  # noqa: N802
        self.client("cloudwatch").put_metric_alarm(AlarmName=name, **given)
        return name, {}

    def _CloudWatch_Dashboard(self, name: str, given: dict[str, Any]) -> tuple[str, dict[str, str]]:  # noqa: N802
        self.client("cloudwatch").put_dashboard(DashboardName=name, DashboardBody=given["DashboardBody"])
        return name, {}

    def _Budgets_Budget(self, name: str, given: dict[str, Any]) -> tuple[str, dict[str, str]]:  # noqa: N802
        budget = given["Budget"]
        budget["BudgetLimit"]["Amount"] = str(budget["BudgetLimit"]["Amount"])
        self.client("budgets").create_budget(
            AccountId=ACCOUNT,
            Budget={"BudgetName": name, **budget},
            NotificationsWithSubscribers=given["NotificationsWithSubscribers"],
        )
        return name, {}

    def _delete(self, kind: str, name: str, attributes: Mapping[str, str]) -> None:
        if kind == "IAM::Role":
            iam = self.client("iam")
            for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
                iam.delete_role_policy(RoleName=name, PolicyName=policy)
            for attached in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
                iam.detach_role_policy(RoleName=name, PolicyArn=attached["PolicyArn"])
        if kind == "Events::Rule":
            self.client("events").remove_targets(Rule=name, Ids=["alarms"])
        calls: dict[str, tuple[str, str, dict[str, Any]]] = {
            "S3::Bucket": ("s3", "delete_bucket", {"Bucket": name}),
            "Logs::LogGroup": ("logs", "delete_log_group", {"logGroupName": name}),
            "IAM::Role": ("iam", "delete_role", {"RoleName": name}),
            "IAM::ManagedPolicy": ("iam", "delete_policy", {"PolicyArn": name}),
            "SQS::Queue": ("sqs", "delete_queue", {"QueueUrl": name}),
            "SNS::Topic": ("sns", "delete_topic", {"TopicArn": name}),
            "SNS::Subscription": ("sns", "unsubscribe", {"SubscriptionArn": name}),
            "Lambda::Function": ("lambda", "delete_function", {"FunctionName": name}),
            "Lambda::EventSourceMapping": ("lambda", "delete_event_source_mapping", {"UUID": name}),
            "Kinesis::Stream": ("kinesis", "delete_stream", {"StreamName": name}),
            "DynamoDB::Table": ("dynamodb", "delete_table", {"TableName": name}),
            "Athena::WorkGroup": ("athena", "delete_work_group", {"WorkGroup": name, "RecursiveDeleteOption": True}),
            "Glue::Database": ("glue", "delete_database", {"Name": name}),
            "Glue::Table": ("glue", "delete_table", {"DatabaseName": attributes.get("database"), "Name": name}),
            "KinesisFirehose::DeliveryStream": ("firehose", "delete_delivery_stream", {"DeliveryStreamName": name}),
            "CodeBuild::Project": ("codebuild", "delete_project", {"name": name}),
            "Scheduler::Schedule": ("scheduler", "delete_schedule", {"Name": name}),
            "Events::Rule": ("events", "delete_rule", {"Name": name}),
            "CloudWatch::Alarm": ("cloudwatch", "delete_alarms", {"AlarmNames": [name]}),
            "CloudWatch::Dashboard": ("cloudwatch", "delete_dashboards", {"DashboardNames": [name]}),
            "Budgets::Budget": ("budgets", "delete_budget", {"AccountId": ACCOUNT, "BudgetName": name}),
        }
        if kind in calls:  # the rest goes with what it belongs to
            service, operation, arguments = calls[kind]
            getattr(self.client(service), operation)(**arguments)


@dataclass(frozen=True)
class CompletedRun:
    """The result of a stand-in run."""

    exit_code: int
    text: str

    def result(self) -> Any:
        """Return what a function returned; it must have succeeded."""
        assert self.exit_code == 0, self.text[-3000:]
        return json.loads(self.text.partition("ANSWER ")[2].splitlines()[0])


@dataclass
class Machines:
    """Runs what moto only keeps: functions, builds and schedules, each in a process of its own."""

    client: Callable[[str], Any]
    endpoint: Mapping[str, str]
    folder: Path
    extra: Mapping[str, str] = field(default_factory=dict)
    """Variables that a test adds to every run."""

    def fire(self, schedule: str, **variables: str) -> CompletedRun:
        """Start a schedule's target with its input, once; `variables` as `build` and `invoke` take them."""
        target = self.client("scheduler").get_schedule(Name=schedule)["Target"]
        given = json.loads(target["Input"])
        if target["Arn"].endswith("codebuild:startBuild"):
            overriding = {
                variable["Name"]: variable["Value"] for variable in given.get("EnvironmentVariablesOverride", [])
            }
            return self.build(given["ProjectName"], overriding | variables)
        return self.invoke(target["Arn"], given, variables)

    def invoke(self, function: str, event: Mapping[str, Any], variables: Mapping[str, str]) -> CompletedRun:
        """Run a function's handler from its package, with the runtime's own libraries and nothing of this project."""
        aws = self.client("lambda")
        configured = aws.get_function_configuration(FunctionName=function)
        code = self._unpacked(aws.get_function(FunctionName=function)["Code"], self.folder / "function")
        runtime = self._runtime()
        module, handler = configured["Handler"].rsplit(".", 1)
        program = (
            f"import sys, json; sys.path[:0] = [{str(code)!r}, {str(runtime)!r}]; "
            f"from {module} import {handler} as handle; answer = handle(json.loads(sys.argv[1]), None); "
            "print('ANSWER ' + json.dumps(answer))"
        )
        environment = {
            **self.endpoint,
            **configured["Environment"]["Variables"],
            **self.extra,
            **variables,
            "AWS_LAMBDA_FUNCTION_NAME": configured["FunctionName"],
        }
        return _run([_base_python(), "-I", "-S", "-c", program, json.dumps(event)], self.folder, environment, 100)

    def build(self, project: str, overriding: Mapping[str, str]) -> CompletedRun:
        """Run a project's commands on its archive, without installing: the interpreter of the tests has it all."""
        with self.started(project, overriding) as process:
            text, _ = process.communicate(timeout=400)
        return CompletedRun(process.returncode, text)

    def started(self, project: str, overriding: Mapping[str, str]) -> "subprocess.Popen[str]":
        """Start the same, for a test that kills it."""
        (project_entry,) = self.client("codebuild").batch_get_projects(names=[project])["projects"]
        bucket, _, key = project_entry["source"]["location"].partition("/")
        code = self._unpacked({"Location": f"s3://{bucket}/{key}"}, self.folder / "build")
        spec = yaml.safe_load(project_entry["source"]["buildspec"])
        commands = [command for phase in ("install", "build") for command in spec["phases"][phase]["commands"]]
        kept = [command for command in commands if "pip install" not in command]
        assert len(kept) == len(commands) - 1
        values = {
            variable["name"]: self._value(variable) for variable in project_entry["environment"]["environmentVariables"]
        }
        environment = {
            **self.endpoint,
            **values,
            **self.extra,
            **overriding,
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        }
        return subprocess.Popen(
            ["bash", "-e", "-c", "\n".join(kept)],
            cwd=code,
            env=environment,
            text=True,
            start_new_session=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def _value(self, variable: Mapping[str, str]) -> str:
        """The value of a build's variable: as it is written, or from the parameter store."""
        if variable.get("type") != "PARAMETER_STORE":
            return variable["value"]
        parameter = self.client("ssm").get_parameter(Name=variable["value"], WithDecryption=True)
        return str(parameter["Parameter"]["Value"])

    def _unpacked(self, code: Mapping[str, str], folder: Path) -> Path:
        match = re.search(r"([\w.-]+?)(?:\.s3[\w.-]*)?/([0-9a-f]{32}\.zip)", code["Location"])
        assert match, code
        target = folder / match[2].removesuffix(".zip")
        if not target.exists():
            bucket = self.bucket
            body = self.client("s3").get_object(Bucket=bucket, Key=match[2])["Body"].read()
            with zipfile.ZipFile(BytesIO(body)) as packed:
                packed.extractall(target)
        return target

    bucket: str = "artifacts"

    def _runtime(self) -> Path:
        target = self.folder / "runtime"
        if not target.exists():
            target.mkdir(parents=True)
            for name in _RUNTIME:
                spec = find_spec(name)
                assert spec is not None
                assert spec.origin is not None
                source = Path(spec.origin)
                (target / (source.name if source.name == "six.py" else name)).symlink_to(
                    source if source.name == "six.py" else source.parent
                )
        return target


def _run(command: list[str], folder: Path, environment: Mapping[str, str], seconds: float) -> CompletedRun:
    done = subprocess.run(
        command, cwd=folder, env=dict(environment), capture_output=True, text=True, timeout=seconds, check=False
    )
    return CompletedRun(done.returncode, done.stdout + done.stderr)


def _base_python() -> str:
    """The interpreter without this environment's packages."""
    return str(Path(os.path.realpath(sys.executable))) or shutil.which("python3") or "python3"


def _lifecycle(rule: Mapping[str, Any]) -> dict[str, Any]:
    """A lifecycle rule as the API wants it."""
    given: dict[str, Any] = {
        "ID": rule["Id"],
        "Status": rule["Status"],
        "Filter": {"Prefix": rule.get("Prefix", "")},
    }
    if "ExpirationInDays" in rule:
        given["Expiration"] = {"Days": rule["ExpirationInDays"]}
    if "Transitions" in rule:
        given["Transitions"] = [
            {"StorageClass": transition["StorageClass"], "Days": transition["TransitionInDays"]}
            for transition in rule["Transitions"]
        ]
    for name in ("NoncurrentVersionExpiration", "AbortIncompleteMultipartUpload"):
        if name in rule:
            given[name] = rule[name]
    return given


def _lower_camel(value: Any) -> Any:
    if isinstance(value, dict):
        return {key[0].lower() + key[1:]: _lower_camel(item) for key, item in value.items()}
    return [_lower_camel(item) for item in value] if isinstance(value, list) else value

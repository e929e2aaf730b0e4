"""Each role against the calls that its code makes, by IAM's own evaluation; and no permission that no call needs.

`CALLS` is kept by hand: a call that the code begins to make is entered here, and fails until the template allows it.
"""

import json
import re
from typing import Any

import boto3
import pytest
import yaml
from moto import mock_aws

from infra.databases import database_names
from infra.template import load
from loader import handler
from loader.outcome import Kind
from loader.providers import registry
from testkit.iam import Request, UnsupportedPolicyError, is_allowed, matches
from tests.infra.template import ACCOUNT, REGION, RESOURCES, STACK, TEMPLATE, Resolved, arn_of
from tests.loader.scripted_provider import ScriptedProvider
from tickerlake.lake import PROJECT

SCHEMA = "tickerlake_dev"
GIVEN = {"Schema": SCHEMA, "ArtifactBucket": "artifacts", "LoaderKey": "l.zip", "ProjectKey": "p.zip"}
MINIMAL = Resolved(**GIVEN)
COMPLETE = Resolved(
    **GIVEN,
    LibrariesKey="libraries/l.zip",
    KeyParameter="/tickerlake/dev/key",
    KinesisShards="1",
    HotPath="true",
    DatabaseParameter="/tickerlake/dev/database",
    Api="true",
    UseCustomerKey="true",
)
RAW, WAREHOUSE, RESULTS = (arn_of(f"{name}Bucket") for name in ("Raw", "Warehouse", "Results"))
KEY, QUEUE = arn_of("Key"), arn_of("DeadLetters")
STREAMS = [arn_of(f"{name}Stream") for name in ("Bars", "DailyBars", "CorporateActions", "LoaderRuns")]
KINESIS = [arn_of(f"{name}KinesisStream") for name in ("Bars", "DailyBars", "CorporateActions", "LoaderRuns")]
GLUE = f"arn:aws:glue:{REGION}:{ACCOUNT}"
SSM = f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/tickerlake/dev"
ENCRYPTS = [Request("kms:Decrypt", KEY), Request("kms:GenerateDataKey", KEY)]


def calls(actions: str, *resources: str, **context: str) -> list[Request]:
    """Return each action, separated by blanks, on each resource."""
    return [Request(action, resource, context) for action in actions.split() for resource in resources]


def logs_of(group: str) -> list[Request]:
    stream = arn_of(group).removesuffix("*") + "log-stream:one"
    return calls("logs:CreateLogStream logs:PutLogEvents", stream)


LOADER = [
    # loader/lease.py, progress.py, quota.py, archive.py by loader/store.py
    *calls("s3:GetObject s3:PutObject", f"{RAW}/state/lease/handler.json", f"{RAW}/state/progress/yahoo.json"),
    *calls("s3:GetObject s3:PutObject", f"{RAW}/payloads/ab/abcd.gz"),
    *calls("s3:PutObject", f"{RAW}/dead_letters/bars/one.ndjson.gz"),
    # an object that does not exist yet is 404 only for who may list the bucket; the request carries no s3:prefix
    *calls("s3:ListBucket", RAW),
    *calls("firehose:PutRecordBatch", *STREAMS),
    # Lambda, for an event that failed every retry
    *calls("sqs:SendMessage", QUEUE),
]
LOADER_OPTIONS = [*calls("kinesis:PutRecords", *KINESIS), *calls("ssm:GetParameter", f"{SSM}/key"), *ENCRYPTS]
OWN_TABLES = "glue:GetTable glue:GetTables glue:CreateTable glue:UpdateTable glue:DeleteTable glue:GetTableVersions"
CALLS: dict[str, tuple[list[Request], list[Request]]] = {
    # role: calls of every deployment; calls of its options
    "LoaderRole": ([*LOADER, *logs_of("LoaderLogs")], LOADER_OPTIONS),
    "DailyLoaderRole": ([*LOADER, *logs_of("DailyLoaderLogs")], LOADER_OPTIONS),
    # Firehose's guide, "Grant Firehose access to an Amazon S3 destination"
    "StreamRole": (
        [
            *calls("s3:GetBucketLocation s3:ListBucket s3:ListBucketMultipartUploads", RAW),
            *calls(
                "s3:AbortMultipartUpload s3:GetObject s3:PutObject", f"{RAW}/raw/bars/one", f"{RAW}/errors/bars/one"
            ),
            *calls("logs:PutLogEvents", arn_of("StreamLogs").removesuffix("*") + "log-stream:bars"),
        ],
        [
            *calls("kinesis:DescribeStream kinesis:GetShardIterator kinesis:GetRecords kinesis:ListShards", *KINESIS),
            *ENCRYPTS,
        ],
    ),
    "TransformRole": (
        [
            *logs_of("TransformLogs"),
            # CodeBuild's guide, "service role": the source
            *calls("s3:GetObject s3:GetObjectVersion", "arn:aws:s3:::artifacts/p.zip"),
            *calls("s3:GetBucketAcl s3:GetBucketLocation", "arn:aws:s3:::artifacts"),
            # Athena reads raw, and writes tables and results, with the caller's permissions
            *calls("s3:GetBucketLocation s3:ListBucket", RAW, WAREHOUSE, RESULTS),
            *calls("s3:ListBucketMultipartUploads", WAREHOUSE, RESULTS),
            *calls("s3:GetObject", f"{RAW}/raw/bars/dt=2026-11-30/hr=15/one.ndjson.gz"),
            *calls(
                "s3:GetObject s3:PutObject s3:DeleteObject s3:AbortMultipartUpload s3:ListMultipartUploadParts",
                f"{WAREHOUSE}/warehouse/x/data.parquet",
                f"{RESULTS}/athena/one.csv",
            ),
            # pipeline/job.py writes its record
            *calls("s3:PutObject", f"{RAW}/state/transformation/one.json"),
            *calls(
                "athena:StartQueryExecution athena:GetQueryExecution athena:GetQueryResults athena:GetWorkGroup "
                "athena:StopQueryExecution",
                arn_of("Workgroup"),
            ),
            # Athena's guide, "Access policy to the default database and catalog": both, on `default`
            *calls("glue:GetDatabase glue:CreateDatabase", f"{GLUE}:catalog", f"{GLUE}:database/default"),
            # dbt-athena lists databases, and creates its schemas
            *calls("glue:GetDatabases", f"{GLUE}:catalog", f"{GLUE}:database/{SCHEMA}_marts"),
            *[
                call
                for name in database_names(SCHEMA)
                for call in (
                    *calls("glue:GetDatabase glue:CreateDatabase", f"{GLUE}:database/{name}"),
                    *calls(OWN_TABLES, f"{GLUE}:catalog", f"{GLUE}:database/{name}", f"{GLUE}:table/{name}/fct_bar"),
                )
            ],
            Request("cloudwatch:PutMetricData", "*", {"cloudwatch:namespace": "tickerlake"}),
        ],
        [
            *calls("s3:GetObject s3:GetObjectVersion", "arn:aws:s3:::artifacts/libraries/l.zip"),
            *calls("ssm:GetParameters", f"{SSM}/database"),
            *ENCRYPTS,
        ],
    ),
    "SchedulerRole": (
        [
            *calls("lambda:InvokeFunction", arn_of("Loader"), arn_of("DailyLoader")),
            *calls("codebuild:StartBuild", arn_of("Transform")),
            *calls("sqs:SendMessage", QUEUE),
        ],
        [],
    ),
    "HotPathRole": (
        [],
        [
            *logs_of("HotPathLogs"),
            # Lambda polls the stream, and sends what failed every retry
            *calls(
                "kinesis:DescribeStream kinesis:DescribeStreamSummary kinesis:GetRecords kinesis:GetShardIterator "
                "kinesis:ListShards",
                KINESIS[0],
            ),
            *calls("dynamodb:PutItem dynamodb:Query", arn_of("HotBars"), arn_of("HotAlerts")),
            *calls("dynamodb:UpdateItem", arn_of("HotAlerts")),
            *calls("sns:Publish", arn_of("Signals")),
            *calls("sqs:SendMessage", QUEUE),
            *ENCRYPTS,
        ],
    ),
    "ApiRole": (
        [],
        [
            *logs_of("ApiLogs"),
            *calls("ssm:GetParameter", f"{SSM}/database"),
            *calls("sqs:SendMessage", QUEUE),
            *ENCRYPTS,
        ],
    ),
}
UNUSED = {
    ("LoaderRole", "s3:DeleteObject"): "a hand-started load under this role resends dead letters and removes them",
    ("DailyLoaderRole", "s3:DeleteObject"): "as LoaderRole: one policy for both",
    ("TransformRole", "glue:BatchCreatePartition"): "of Athena's guide for Glue tables with partitions; dbt-athena",
    ("TransformRole", "glue:BatchDeletePartition"): "as glue:BatchCreatePartition",
    ("TransformRole", "glue:BatchGetPartition"): "as glue:BatchCreatePartition",
    ("TransformRole", "glue:GetPartition"): "as glue:BatchCreatePartition",
    ("TransformRole", "glue:GetPartitions"): "as glue:BatchCreatePartition",
    ("TransformRole", "glue:BatchDeleteTable"): "DROP of several tables, as Athena chooses",
    ("TransformRole", "glue:DeleteTableVersion"): "dbt-athena expires versions of tables",
}
REFUSED = {
    "LoaderRole": [
        *calls("s3:GetObject s3:PutObject s3:DeleteObject", f"{RAW}/raw/bars/one"),
        *calls("s3:ListBucket", WAREHOUSE),
        *calls("ssm:GetParameter", f"{SSM}/database"),
    ],
    "StreamRole": calls("s3:PutObject", f"{RAW}/state/lease/one.json", f"{WAREHOUSE}/raw/one"),
    "TransformRole": [
        *calls("s3:PutObject s3:DeleteObject", f"{RAW}/raw/bars/one"),
        *calls("s3:PutObject", "arn:aws:s3:::artifacts/p.zip"),
        Request("cloudwatch:PutMetricData", "*", {"cloudwatch:namespace": "AWS/Lambda"}),
        Request("cloudwatch:PutMetricData", "*"),
        *[
            call
            for other in (f"{SCHEMA}_anna", f"{SCHEMA}_anna_marts", f"{SCHEMA}_marts_old", "tickerlake_develop_marts")
            for call in (
                *calls("glue:CreateDatabase", f"{GLUE}:database/{other}"),
                *calls("glue:UpdateTable glue:DeleteTable glue:GetTable", f"{GLUE}:table/{other}/fct_bar"),
            )
        ],
        *calls("glue:CreateTable", f"{GLUE}:database/default", f"{GLUE}:table/default/x"),
    ],
    "SchedulerRole": calls("codebuild:StartBuild", f"arn:aws:codebuild:{REGION}:{ACCOUNT}:project/other"),
}
SOURCE_ACCOUNT = {"aws:SourceAccount": ACCOUNT}
TRUST = {
    # what each service documents that it sends when it takes a role
    "firehose.amazonaws.com": {"sts:ExternalId": ACCOUNT},
    "codebuild.amazonaws.com": SOURCE_ACCOUNT,
    "scheduler.amazonaws.com": SOURCE_ACCOUNT,
    "lambda.amazonaws.com": {},
}


def roles() -> list[str]:
    return [name for name, resource in RESOURCES.items() if resource["Type"] == "AWS::IAM::Role"]


def test_every_role_has_its_calls() -> None:
    assert set(roles()) == set(CALLS)


@pytest.mark.parametrize("role", CALLS)
def test_a_role_allows_every_call_that_is_made_with_it(role: str) -> None:
    always, options = CALLS[role]
    complete, minimal = COMPLETE.statements_of_role(role), MINIMAL.statements_of_role(role)
    assert [str(call) for call in [*always, *options] if not is_allowed(call, complete)] == []
    if MINIMAL.exists(role):
        assert [str(call) for call in always if not is_allowed(call, minimal)] == []


RECORDED = {
    # of an operation's parameters, the resource that IAM evaluates
    "GetObject": lambda given: f"arn:aws:s3:::{given['Bucket']}/{given['Key']}",
    "PutObject": lambda given: f"arn:aws:s3:::{given['Bucket']}/{given['Key']}",
    "DeleteObject": lambda given: f"arn:aws:s3:::{given['Bucket']}/{given['Key']}",
    "PutRecordBatch": lambda given: f"arn:aws:firehose:{REGION}:{ACCOUNT}:deliverystream/{given['DeliveryStreamName']}",
    "PutRecords": lambda given: f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/{given['StreamName']}",
    "GetParameter": lambda given: f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter{given['Name']}",
}


@pytest.mark.parametrize(("template", "sink"), [(MINIMAL, "firehose"), (COMPLETE, "kinesis")])
def test_the_calls_that_the_loader_is_seen_to_make_are_allowed(
    monkeypatch: pytest.MonkeyPatch, template: Resolved, sink: str
) -> None:
    """The handler runs twice on moto with the template's own variables, on a bucket that holds no state at first."""
    requests: list[Request] = []
    provider = ScriptedProvider(lambda *_: Kind.BARS)
    provider.key_variable = "TICKERLAKE_ALPHAVANTAGE_KEY" if sink == "kinesis" else ""
    monkeypatch.setitem(registry.PROVIDERS, "scripted", lambda _: provider)
    variables = template.value(TEMPLATE["Globals"]["Function"]["Environment"]["Variables"])
    variables |= {"TICKERLAKE_PROVIDER": "scripted", "TICKERLAKE_SYMBOLS": "BTCUSD", "TICKERLAKE_INTERVAL": "60min"}
    for name, value in (variables | {"AWS_DEFAULT_REGION": REGION, "AWS_LAMBDA_FUNCTION_NAME": "loader"}).items():
        monkeypatch.setenv(name, value)

    def record(params: dict[str, Any], model: Any, **_: Any) -> None:
        service = model.service_model.service_name
        requests.append(Request(f"{service}:{model.name}", RECORDED[model.name](params)))

    def note_absence(parsed: dict[str, Any], model: Any, **_: Any) -> None:
        if model.name == "GetObject" and parsed.get("Error", {}).get("Code") == "NoSuchKey":
            requests.append(Request("s3:ListBucket", RAW))  # else the answer would have been 403

    with mock_aws():
        boto3.client("s3").create_bucket(Bucket=RAW.removeprefix("arn:aws:s3:::"))
        boto3.client("ssm").put_parameter(Name="/tickerlake/dev/key", Value="0123456789abcdef", Type="SecureString")
        for dataset, stream, kinesis in zip(("bars", "daily", "actions", "runs"), STREAMS, KINESIS, strict=True):
            destination = {"RoleARN": "arn:aws:iam::123456789012:role/x", "BucketARN": RAW, "Prefix": f"raw/{dataset}/"}
            boto3.client("firehose").create_delivery_stream(
                DeliveryStreamName=stream.rpartition("/")[2],
                ExtendedS3DestinationConfiguration=destination,  # type: ignore[arg-type]
            )
            boto3.client("kinesis").create_stream(StreamName=kinesis.rpartition("/")[2], ShardCount=1)
        boto3.setup_default_session()
        session = boto3.DEFAULT_SESSION
        assert session is not None
        session.events.register("provide-client-params", record)
        session.events.register("after-call", note_absence)
        try:
            for _ in range(2):
                handler.lambda_handler({}, None)
        finally:
            boto3.DEFAULT_SESSION = None
    expected = {"s3:GetObject", "s3:PutObject", "s3:ListBucket"}
    expected |= {"kinesis:PutRecords", "ssm:GetParameter"} if sink == "kinesis" else {"firehose:PutRecordBatch"}
    assert {request.action for request in requests} == expected
    statements = template.statements_of_role("LoaderRole")
    assert [str(request) for request in requests if not is_allowed(request, statements)] == []


@pytest.mark.parametrize("role", REFUSED)
def test_a_role_refuses_what_is_not_its_business(role: str) -> None:
    statements = COMPLETE.statements_of_role(role)
    assert [str(call) for call in REFUSED[role] if is_allowed(call, statements)] == []


@pytest.mark.parametrize("role", CALLS)
def test_no_permission_is_there_that_no_call_needs_or_its_reason_is_listed(role: str) -> None:
    requests = [request for part in CALLS[role] for request in part]
    unused = set()
    for statement in COMPLETE.statements_of_role(role):
        used = {request.action for request in requests if matches(request, statement)}
        assert used, f"no call needs {statement}"
        unused |= {(role, action) for action in statement["Action"] if action not in used}
    # an action may be needed of one statement and not of another that allows it, too
    unneeded = {(role, action) for _, action in unused if not any(request.action == action for request in requests)}
    assert unneeded == {key for key in UNUSED if key[0] == role}


@pytest.mark.parametrize("role", CALLS)
def test_a_service_takes_its_role_with_the_keys_that_it_sends_and_nobody_else_does(role: str) -> None:
    (statement,) = COMPLETE.value(RESOURCES[role]["Properties"]["AssumeRolePolicyDocument"]["Statement"])
    service = statement["Principal"]["Service"]
    assert matches(Request("sts:AssumeRole", context=TRUST[service], principal=service), statement)
    foreign = dict.fromkeys(TRUST[service], "999999999999")
    assert not foreign or not matches(Request("sts:AssumeRole", context=foreign, principal=service), statement)
    assert not matches(Request("sts:AssumeRole", context=TRUST[service], principal="ec2.amazonaws.com"), statement)


@pytest.mark.parametrize(
    ("principal", "context"),
    [
        ("cloudwatch.amazonaws.com", SOURCE_ACCOUNT),
        ("budgets.amazonaws.com", SOURCE_ACCOUNT),
        ("events.amazonaws.com", {}),  # EventBridge sends no condition key with what it publishes
    ],
)
def test_alarms_reach_the_topic_encrypted_or_not(principal: str, context: dict[str, str]) -> None:
    topic = COMPLETE.value(RESOURCES["AlarmsPolicy"]["Properties"]["PolicyDocument"]["Statement"])
    publish = Request("sns:Publish", arn_of("Alarms"), {**context, "aws:SecureTransport": "true"}, principal)
    assert is_allowed(publish, topic)
    assert not is_allowed(Request("sns:Publish", arn_of("Alarms"), {"aws:SecureTransport": "false"}, principal), topic)
    assert not is_allowed(Request("sns:Publish", arn_of("Alarms"), principal="s3.amazonaws.com"), topic)
    key = COMPLETE.value(RESOURCES["Key"]["Properties"]["KeyPolicy"]["Statement"])
    for action in ("kms:Decrypt", "kms:GenerateDataKey"):
        assert is_allowed(Request(action, KEY, context, principal), key)


def test_log_groups_use_the_key_by_the_statement_that_the_guide_gives() -> None:
    key = COMPLETE.value(RESOURCES["Key"]["Properties"]["KeyPolicy"]["Statement"])
    service, context = f"logs.{REGION}.amazonaws.com", "kms:EncryptionContext:aws:logs:arn"
    group = arn_of("LoaderLogs").removesuffix(":*")
    for action in ("kms:Encrypt", "kms:Decrypt", "kms:ReEncryptFrom", "kms:GenerateDataKey", "kms:DescribeKey"):
        assert is_allowed(Request(action, KEY, {context: group}, service), key), action
        foreign = group.replace(ACCOUNT, "999999999999")
        assert not is_allowed(Request(action, KEY, {context: foreign}, service), key), action


def test_policies_fit_iam_s_limits_for_the_longest_name() -> None:
    longest = Resolved(**{**GIVEN, "Schema": "t" * 41})
    for name, resource in RESOURCES.items():
        if resource["Type"] == "AWS::IAM::ManagedPolicy":
            document = json.dumps(longest.value(resource["Properties"]["PolicyDocument"]), separators=(",", ":"))
            assert len(document) < 6_144 - 36 * 10, name  # regions have longer names


def test_no_deployment_s_base_is_another_one_s_database() -> None:
    pattern = re.compile(TEMPLATE["Parameters"]["Schema"]["AllowedPattern"])
    assert pattern.fullmatch("tickerlake_dev")
    assert pattern.fullmatch("tickerlake_dev_anna")
    for name in database_names("tickerlake_dev")[1:]:
        assert not pattern.fullmatch(name), name


@pytest.mark.slow
def test_the_databases_are_those_of_the_project_s_manifest() -> None:
    """dbt itself says which schemas its nodes have: the parsed project's, in which the base is `tickerlake`."""
    from testkit.lake import dbt

    runner = dbt()
    runner._runner()
    assert runner._manifest is not None
    nodes = [*runner._manifest.nodes.values(), *runner._manifest.sources.values()]
    assert {node.schema for node in nodes} <= set(database_names("tickerlake"))
    assert {node.schema for node in nodes if node.resource_type == "test"} == {"tickerlake_dbt_test__audit"}


class TestEvaluation:
    """The evaluator itself, by the examples of IAM's guide."""

    LISTS = {  # noqa: RUF012 - a constant
        "Effect": "Allow",
        "Action": ["s3:ListBucket"],
        "Resource": "arn:aws:s3:::b",
        "Condition": {"StringLike": {"s3:prefix": ["state/*"]}},
    }

    def test_a_condition_on_a_key_that_the_request_lacks_is_false(self) -> None:
        """This refused the loader's first read: GetObject carries no s3:prefix."""
        assert is_allowed(Request("s3:ListBucket", "arn:aws:s3:::b", {"s3:prefix": "state/x"}), [self.LISTS])
        assert not is_allowed(Request("s3:ListBucket", "arn:aws:s3:::b"), [self.LISTS])
        if_exists = {**self.LISTS, "Condition": {"StringLikeIfExists": {"s3:prefix": ["state/*"]}}}
        assert is_allowed(Request("s3:ListBucket", "arn:aws:s3:::b"), [if_exists])
        assert not is_allowed(Request("s3:ListBucket", "arn:aws:s3:::b", {"s3:prefix": "raw/"}), [if_exists])

    def test_a_negated_condition_on_an_absent_key_is_true(self) -> None:
        statement = {**self.LISTS, "Condition": {"StringNotEquals": {"s3:prefix": "raw/"}}}
        assert is_allowed(Request("s3:ListBucket", "arn:aws:s3:::b"), [statement])
        assert not is_allowed(Request("s3:ListBucket", "arn:aws:s3:::b", {"s3:prefix": "raw/"}), [statement])

    def test_a_deny_wins_and_without_an_allow_nothing_is_allowed(self) -> None:
        request = Request("s3:GetObject", "arn:aws:s3:::b/x")
        allow = {"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}
        deny = {"Effect": "Deny", "Action": "*", "Resource": "arn:aws:s3:::b/?"}
        assert is_allowed(request, [allow])
        assert not is_allowed(request, [allow, deny])
        assert not is_allowed(request, [])
        assert is_allowed(Request("S3:getobject", "arn:aws:s3:::b/x"), [allow]), "actions have no case"
        other = {"Effect": "Allow", "NotAction": "s3:Put*", "NotResource": "arn:aws:s3:::c/*"}
        assert is_allowed(request, [other])

    @pytest.mark.parametrize(
        "change",
        [
            {"Condition": {"NumericLessThan": {"s3:max-keys": "10"}}},
            {"Resource": "arn:aws:s3:::${aws:username}"},
            {"Conditions": {}},
        ],
    )
    def test_what_it_does_not_know_is_an_error(self, change: dict[str, Any]) -> None:
        with pytest.raises(UnsupportedPolicyError):
            is_allowed(Request("s3:ListBucket", "arn:aws:s3:::b", {"s3:max-keys": "5"}), [{**self.LISTS, **change}])


DEPLOYING = load(PROJECT / "infra" / "deploying_role.yaml")
DEPLOYED = Resolved(DEPLOYING, Repository="owner/name", Environment="dev", ProviderArn="arn:provider")
BY_CLOUDFORMATION = {"aws:CalledVia": "cloudformation.amazonaws.com"}


def deploying_statements() -> list[dict[str, Any]]:
    properties = DEPLOYING["Resources"]["DeployingRole"]["Properties"]
    statements: list[dict[str, Any]] = DEPLOYED.value(properties["Policies"][0]["PolicyDocument"]["Statement"])
    for statement in statements:  # one value of aws:CalledVia, so that "for any value" is equality
        if "ForAnyValue:StringEquals" in statement.get("Condition", {}):
            statement["Condition"] = {"StringEquals": statement["Condition"]["ForAnyValue:StringEquals"]}
    return statements


def test_the_deploying_role_creates_every_kind_of_resource_of_the_template() -> None:
    creates = {
        "Athena::WorkGroup": "athena:CreateWorkGroup",
        "Budgets::Budget": "budgets:ModifyBudget",
        "CloudWatch::Alarm": "cloudwatch:PutMetricAlarm",
        "CloudWatch::Dashboard": "cloudwatch:PutDashboard",
        "CodeBuild::Project": "codebuild:CreateProject codebuild:UpdateProject codebuild:DeleteProject",
        "DynamoDB::Table": "dynamodb:CreateTable dynamodb:UpdateTimeToLive",
        "Events::Rule": "events:PutRule events:PutTargets",
        "Glue::Database": "glue:CreateDatabase glue:DeleteDatabase",
        "Glue::Table": "glue:CreateTable glue:UpdateTable",
        "IAM::ManagedPolicy": "iam:CreatePolicy iam:CreatePolicyVersion",
        "IAM::Role": "iam:CreateRole iam:PutRolePolicy iam:AttachRolePolicy iam:DeleteRole",
        "KMS::Key": "kms:CreateKey kms:PutKeyPolicy kms:EnableKeyRotation",
        "Kinesis::Stream": "kinesis:CreateStream kinesis:StartStreamEncryption",
        "KinesisFirehose::DeliveryStream": "firehose:CreateDeliveryStream firehose:UpdateDestination",
        "Lambda::EventSourceMapping": "lambda:CreateEventSourceMapping",
        "Lambda::Permission": "lambda:AddPermission",
        "Lambda::Url": "lambda:CreateFunctionUrlConfig",
        "Logs::LogGroup": "logs:CreateLogGroup logs:PutRetentionPolicy logs:AssociateKmsKey",
        "Logs::LogStream": "logs:CreateLogStream",
        "S3::Bucket": "s3:CreateBucket s3:PutEncryptionConfiguration s3:PutLifecycleConfiguration s3:DeleteBucket",
        "S3::BucketPolicy": "s3:PutBucketPolicy",
        "SNS::Subscription": "sns:Subscribe sns:Unsubscribe",
        "SNS::Topic": "sns:CreateTopic sns:SetTopicAttributes",
        "SNS::TopicPolicy": "sns:SetTopicAttributes",
        "SQS::Queue": "sqs:CreateQueue",
        "SQS::QueuePolicy": "sqs:SetQueueAttributes",
        "Scheduler::Schedule": "scheduler:CreateSchedule scheduler:UpdateSchedule",
        "Serverless::Function": "lambda:CreateFunction lambda:UpdateFunctionCode lambda:PutFunctionConcurrency",
    }
    belongs_to = {
        "Lambda::Permission": "ApiFunction",
        "Lambda::Url": "ApiFunction",
        "Logs::LogStream": "StreamLogs",
        "S3::BucketPolicy": "RawBucket",
        "SNS::Subscription": "Alarms",
        "SNS::TopicPolicy": "Alarms",
        "SQS::QueuePolicy": "DeadLetters",
    }
    own = {
        "CodeBuild::Project": f"arn:aws:codebuild:{REGION}:{ACCOUNT}:project/Transform-AbC",
        "Events::Rule": f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{STACK}-TransformFailed-X",
        "Glue::Database": f"{GLUE}:database/{SCHEMA}_raw",
        "Glue::Table": f"{GLUE}:table/{SCHEMA}_raw/bars",
        "KMS::Key": "*",
        "Lambda::EventSourceMapping": "*",
        "Scheduler::Schedule": f"arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule/default/{STACK}-Nightly-X",
    }
    statements = deploying_statements()
    kinds = {resource["Type"].removeprefix("AWS::"): name for name, resource in RESOURCES.items()}
    assert set(kinds) == set(creates)
    for kind, logical in kinds.items():
        if kind in own or kind.startswith(("Budgets", "CloudWatch")):
            resource = own.get(kind, "*")
        else:
            resource = arn_of(belongs_to.get(kind, logical))
        refused = [
            action
            for action in creates[kind].split()
            if not is_allowed(Request(action, resource, BY_CLOUDFORMATION), statements)
        ]
        assert refused == [], kind


@pytest.mark.parametrize(
    "request_",
    [
        *calls("s3:GetObject s3:PutObject", "arn:aws:s3:::somebody-else/x"),
        *calls("iam:CreateRole", f"arn:aws:iam::{ACCOUNT}:role/admin"),
        *calls(
            "iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/{STACK}-X", **{"iam:PassedToService": "ec2.amazonaws.com"}
        ),
        *calls("kms:ScheduleKeyDeletion codebuild:DeleteProject", "*"),  # by hand, not by CloudFormation
        *calls("glue:DeleteDatabase", f"{GLUE}:database/sales"),
        *calls("ssm:GetParameter", f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/other"),
    ],
    ids=str,
)
def test_the_deploying_role_reaches_nothing_else(request_: Request) -> None:
    assert not is_allowed(request_, deploying_statements())


def test_only_the_workflow_s_environment_takes_the_deploying_role() -> None:
    (statement,) = DEPLOYED.value(
        DEPLOYING["Resources"]["DeployingRole"]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    )
    host = "token.actions.githubusercontent.com"
    claims = {f"{host}:aud": "sts.amazonaws.com", f"{host}:sub": "repo:owner/name:environment:dev"}

    def takes(**changed: str) -> bool:
        context = claims | {f"{host}:{name}": value for name, value in changed.items()}
        return matches(Request("sts:AssumeRoleWithWebIdentity", "", context, "arn:provider"), statement)

    assert takes()
    for subject in (
        "repo:owner/name:pull_request",
        "repo:owner/name:environment:prod",
        "repo:other/name:environment:dev",
    ):
        assert not takes(sub=subject)
    workflow = yaml.safe_load((PROJECT / ".github/workflows/deploy.yml").read_text())
    assert {job.get("environment") for job in workflow["jobs"].values()} == {None, "dev", "production"}

"""Deploy, verify, run and remove a deployment through AWS's API. Credentials and region are those that boto3 finds."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import ClientError, WaiterError
from ulid import ULID

from infra import archives
from infra.databases import RAW, database_names
from infra.template import load
from pipeline.athena_cost import Prices
from pipeline.job import FOLDER
from tickerlake.errors import UserError

if TYPE_CHECKING:
    from mypy_boto3_athena import AthenaClient
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import ParameterTypeDef, StackTypeDef
    from mypy_boto3_codebuild import CodeBuildClient
    from mypy_boto3_glue import GlueClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import LifecycleRuleTypeDef, ObjectIdentifierTypeDef
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_ssm import SSMClient

MakeClient = Callable[[str], Any]
RENAMED_PARAMETERS = {"OwnKey": "UseCustomerKey"}
"""The template's parameters by their former names: an update carries their values over."""
_FAILED_CREATIONS = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED")
"""States of a stack that was never complete: CloudFormation can only delete it."""
_UPDATABLE = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE")
_BEYOND_BUFFER = timedelta(minutes=15)
"""What a drain waits beyond the streams' buffer: a daily load that has just begun (10 minutes), and the delivery."""
_NEVER_STARTED = ("Resource creation cancelled", "Resource update cancelled", "Resource deletion cancelled")
"""Reasons of failures that only follow from another resource's."""
_FINAL_STATES = ("SUCCEEDED", "FAILED", "FAULT", "STOPPED", "TIMED_OUT")
_POLL_SECONDS = 5.0


@dataclass(frozen=True)
class Deployment:
    """One environment, such as `dev`: its stack `tickerlake-dev`, its Glue databases `tickerlake_dev_…`."""

    name: str
    client: MakeClient = boto3.client  # type: ignore[assignment]
    log: Callable[[str], object] = print
    known_outputs: Mapping[str, str] = field(default_factory=dict)
    """The stack's outputs; when empty, CloudFormation is asked for them."""

    @property
    def stack(self) -> str:
        """The stack's name."""
        return f"tickerlake-{self.name}"

    def outputs(self) -> Mapping[str, str]:
        """Return the stack's outputs. Raises UserError when there is no such stack, or it was never complete."""
        if self.known_outputs:
            return self.known_outputs
        stack = self._describe()
        if stack is None:
            raise UserError(f"no stack {self.stack}; create it with make deploy ENV={self.name}")
        if not stack.get("Outputs"):
            raise UserError(
                f"{self.stack} is incomplete: {stack['StackStatus']}; run make deploy ENV={self.name} again, "
                f"or remove it with make destroy ENV={self.name} YES=1"
            )
        return _outputs(stack)

    def _describe(self) -> "StackTypeDef | None":
        """Return the stack as CloudFormation describes it, None when there is none. Raises any error but that."""
        cloudformation: CloudFormationClient = self.client("cloudformation")
        try:
            (stack,) = cloudformation.describe_stacks(StackName=self.stack)["Stacks"]
        except ClientError as error:
            if "does not exist" in error.response["Error"].get("Message", ""):
                return None
            raise
        return stack

    def deploy(self, parameters: Mapping[str, str]) -> None:
        """Upload the archives, and create the stack or update it to the template; other parameters keep their values.

        A stack that a failed creation left is deleted first; it holds nothing. When Kinesis streams are put before
        Firehose, or taken away, the schedules are off until Firehose has delivered what its old streams buffer.
        Raises UserError with the reason of the first resource that failed.
        """
        existing = self._describe()
        previous = _parameters(existing) if existing else {}
        is_created = existing is None or existing["StackStatus"] in ("REVIEW_IN_PROGRESS", *_FAILED_CREATIONS)
        if existing and not is_created and existing["StackStatus"] not in _UPDATABLE:
            raise UserError(
                f"cannot update {self.stack}: it is in {existing['StackStatus']}; wait for an operation in progress, "
                "or repair it in CloudFormation's console"
            )
        bucket = self.artifact_bucket()
        has_api = {**previous, **parameters}.get("Api") == "true"
        known = load()["Parameters"].keys()
        renamed = {new: previous[old] for old, new in RENAMED_PARAMETERS.items() if old in previous}
        kept = {name: value for name, value in previous.items() if name in known} if is_created else {}
        values = {
            "Schema": self.stack.replace("-", "_"),
            **renamed,
            **kept,
            **parameters,
            **self.upload_archives(bucket, has_api=has_api),
            "LibrariesKey": self.upload_libraries(bucket),
        }
        template = self.upload(bucket, json.dumps(load()).encode(), "json", folder="template/")
        if existing and existing["StackStatus"] in _FAILED_CREATIONS:
            self.log(f"deleting what a failed creation left of {self.stack}: {existing['StackStatus']}")
            self._delete_stack()
        shards = previous.get("KinesisShards", "0")
        if not is_created and (shards == "0") != (values.get("KinesisShards", shards) == "0"):
            values.setdefault("SchedulesState", previous.get("SchedulesState", "ENABLED"))
            self._drain(previous)
        self._change(values, previous, {"TemplateURL": self._template_url(bucket, template)}, is_created=is_created)
        for name, value in sorted(self.outputs().items()):
            self.log(f"{name}: {value}")

    def _template_url(self, bucket: str, key: str) -> str:
        return f"https://{bucket}.s3.{self.client('cloudformation').meta.region_name}.amazonaws.com/{key}"

    def _change(
        self, values: Mapping[str, str], previous: Mapping[str, str], template: Mapping[str, Any], *, is_created: bool
    ) -> None:
        """Change the stack by a change set, which never stays behind; wait until it is complete."""
        cloudformation: CloudFormationClient = self.client("cloudformation")
        known = previous.keys() if template.get("UsePreviousTemplate") else load()["Parameters"].keys()
        unchanged = set() if is_created else (previous.keys() & known) - values.keys()
        settings: list[ParameterTypeDef] = [
            {"ParameterKey": name, "ParameterValue": value} for name, value in values.items()
        ]
        settings += [{"ParameterKey": name, "UsePreviousValue": True} for name in sorted(unchanged)]
        change = f"deploy-{ULID()}".lower()
        try:
            cloudformation.create_change_set(
                StackName=self.stack,
                ChangeSetName=change,
                ChangeSetType="CREATE" if is_created else "UPDATE",
                Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
                Parameters=settings,
                **template,
            )
            cloudformation.get_waiter("change_set_create_complete").wait(StackName=self.stack, ChangeSetName=change)
        except (ClientError, WaiterError) as error:
            self._discard(change, is_created=is_created)
            reason = _reason(error)
            if is_created or ("didn't contain changes" not in reason and "No updates" not in reason):
                raise UserError(f"{self.stack}: {reason}") from None
            self.log("nothing to change")
            return
        try:
            cloudformation.execute_change_set(StackName=self.stack, ChangeSetName=change, ClientRequestToken=change)
            if is_created:
                cloudformation.get_waiter("stack_create_complete").wait(StackName=self.stack)
            else:
                cloudformation.get_waiter("stack_update_complete").wait(StackName=self.stack)
        except WaiterError as error:
            raise UserError(f"{self.stack}: {self._first_failure(change) or _reason(error)}") from None

    def _discard(self, change: str, *, is_created: bool) -> None:
        """Delete a change set that cannot be executed, and the empty stack that a creation's one leaves."""
        cloudformation: CloudFormationClient = self.client("cloudformation")
        with suppress(ClientError):  # there is none when its creation was refused; the reason is reported, not this
            cloudformation.delete_change_set(StackName=self.stack, ChangeSetName=change)
        stack = self._describe()
        if is_created and stack and stack["StackStatus"] == "REVIEW_IN_PROGRESS":
            self._delete_stack()

    def _first_failure(self, token: str) -> str:
        """Return the resource that failed first in an operation, and why: what follows is a consequence. Else ""."""
        cloudformation: CloudFormationClient = self.client("cloudformation")
        failed = [
            event
            for page in cloudformation.get_paginator("describe_stack_events").paginate(StackName=self.stack)
            for event in page["StackEvents"]
            if event.get("ClientRequestToken") == token
            and event.get("ResourceStatus", "").endswith("_FAILED")
            and not event.get("ResourceStatusReason", "").startswith(_NEVER_STARTED)
        ]
        if not failed:
            return ""
        first = min(failed, key=lambda event: event["Timestamp"])
        return f"{first['LogicalResourceId']} ({first['ResourceType']}): {first.get('ResourceStatusReason', '')}"

    def _drain(self, previous: Mapping[str, str]) -> None:
        """Turn the schedules off, and wait until Firehose has delivered what it buffers: deleting a stream loses it."""
        if previous.get("SchedulesState") != "DISABLED":
            self.log(
                "turning the schedules off; should this stop half-way, turn them on again with "
                f'make deploy ENV={self.name} PARAMETERS="SchedulesState=ENABLED"'
            )
            self._change({"SchedulesState": "DISABLED"}, previous, {"UsePreviousTemplate": True}, is_created=False)
        wait = timedelta(seconds=int(previous.get("BufferSeconds", "300"))) + _BEYOND_BUFFER
        self.log(f"waiting {wait} until the streams have delivered what they buffer; start no load by hand")
        time.sleep(wait.total_seconds())

    def artifact_bucket(self) -> str:
        """Return the account's bucket for archives in this region; create it when it is missing, and secure it.

        Raises UserError when the bucket of that name belongs to somebody else: what it holds would be run.
        """
        s3: S3Client = self.client("s3")
        account = self.client("sts").get_caller_identity()["Account"]
        name = f"tickerlake-artifacts-{account}-{s3.meta.region_name}"
        try:
            s3.head_bucket(Bucket=name, ExpectedBucketOwner=account)
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("404", "NoSuchBucket"):
                raise UserError(
                    f"cannot use the bucket {name}: {error.response['Error']['Code']}; it must belong to the account "
                    f"{account}, and these credentials need s3:ListBucket on it"
                ) from None
            location: Any = {"LocationConstraint": s3.meta.region_name}  # which us-east-1 refuses
            is_default_region = s3.meta.region_name == "us-east-1"
            s3.create_bucket(Bucket=name, **({} if is_default_region else {"CreateBucketConfiguration": location}))
        s3.put_public_access_block(
            Bucket=name,
            ExpectedBucketOwner=account,
            PublicAccessBlockConfiguration={
                "BlockPublicAcls": True,
                "BlockPublicPolicy": True,
                "IgnorePublicAcls": True,
                "RestrictPublicBuckets": True,
            },
        )
        arn = f"arn:{self.client('sts').meta.partition}:s3:::{name}"
        refuse_plain_http = {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [arn, f"{arn}/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [refuse_plain_http]})
        s3.put_bucket_policy(Bucket=name, ExpectedBucketOwner=account, Policy=policy)
        # an archive never expires: each build reads its own, however long ago it was deployed
        expiring: list[LifecycleRuleTypeDef] = [
            {
                "ID": "templates",
                "Status": "Enabled",
                "Filter": {"Prefix": "template/"},
                "Expiration": {"Days": 30},
            },
            {
                "ID": "uploads",
                "Status": "Enabled",
                "Filter": {"Prefix": ""},
                "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 3},
            },
        ]
        s3.put_bucket_lifecycle_configuration(
            Bucket=name, ExpectedBucketOwner=account, LifecycleConfiguration={"Rules": expiring}
        )
        return name

    def upload_archives(self, bucket: str, *, has_api: bool = False) -> dict[str, str]:
        """Upload the archives of loader, project and, if it is deployed, API; return the parameters that name them."""
        if changed := archives.uncommitted():
            self.log(f"packing changes that are not committed: {', '.join(changed)}")
        contents = {"LoaderKey": archives.loader_archive(), "ProjectKey": archives.project_archive()}
        if has_api:
            contents["ApiKey"] = archives.api_archive()
        return {
            "ArtifactBucket": bucket,
            **{name: self.upload(bucket, content, "zip") for name, content in contents.items()},
        }

    def upload_libraries(self, bucket: str) -> str:
        """Upload the job's libraries unless the bucket has them, under a key made of their lock; return the key."""
        key = f"libraries/{archives.libraries_version()}.zip"
        account = self.client("sts").get_caller_identity()["Account"]
        try:
            self.client("s3").head_object(Bucket=bucket, Key=key, ExpectedBucketOwner=account)
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("404", "NoSuchKey"):
                raise
            self.log("packing the transformation job's libraries; it takes a minute, once for each set of versions")
            with archives.libraries_archive().open("rb") as packed:
                self.client("s3").put_object(Bucket=bucket, Key=key, Body=packed, ExpectedBucketOwner=account)
        return key

    def upload(self, bucket: str, content: bytes, extension: str, folder: str = "") -> str:
        """Put an archive under a key made of its hash; return the key. Raises ClientError in another's bucket."""
        key = f"{folder}{sha256(content).hexdigest()[:32]}.{extension}"
        account = self.client("sts").get_caller_identity()["Account"]
        self.client("s3").put_object(Bucket=bucket, Key=key, Body=content, ExpectedBucketOwner=account)
        return key

    def loader_environment(self) -> dict[str, str]:
        """Return the variables with which `python -m loader` delivers lines where the deployment's functions do."""
        outputs = self.outputs()
        datasets = {
            "BARS": "Bars",
            "DAILY_BARS": "DailyBars",
            "CORPORATE_ACTIONS": "CorporateActions",
            "LOADER_RUNS": "LoaderRuns",
        }
        streams = {f"TICKERLAKE_STREAM_{dataset}": outputs[f"Stream{name}"] for dataset, name in datasets.items()}
        return {"TICKERLAKE_SINK": outputs["Sink"], "TICKERLAKE_STATE_BUCKET": outputs["RawBucket"], **streams}

    def verify(self, wait: timedelta = timedelta(minutes=20)) -> bool:
        """Check the vendor's key, one line through a stream to Athena, and the alarms' confirmed subscribers.

        Log one line per check, and return whether all passed.
        """
        outputs = self.outputs()
        checks = {
            "vendor's key": self._check_key(outputs["KeyParameter"]),
            "a line through the stream to Athena": self._check_line(outputs, wait),
            "alarm subscribers": self._check_subscribers(outputs["Alarms"]),
        }
        for name, (_, result) in checks.items():
            self.log(f"{name}: {result}")
        return all(is_ok for is_ok, _ in checks.values())

    def _check_key(self, name: str) -> tuple[bool, str]:
        if name == "none":
            return True, "none needed"
        ssm: SSMClient = self.client("ssm")
        try:
            value = ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"]
        except ClientError as error:
            return False, f"cannot read {name}: {error.response['Error']['Code']}"
        return (True, "is set") if value.strip() else (False, f"{name} is empty; put the key there")

    def _check_line(self, outputs: Mapping[str, str], wait: timedelta) -> tuple[bool, str]:
        """Send one line of the run ledger, which no model reads, and query Athena until it arrives."""
        run_id, began = str(ULID()), datetime.now(UTC)
        line = json.dumps({"schema_version": 1, "command": "verify", "run_id": run_id}).encode() + b"\n"
        if outputs["Sink"] == "kinesis":
            self.client("kinesis").put_record(StreamName=outputs["StreamLoaderRuns"], Data=line, PartitionKey="verify")
        else:
            self.client("firehose").put_record(DeliveryStreamName=outputs["StreamLoaderRuns"], Record={"Data": line})
        sql = (
            f"select count(*) from {outputs['Schema']}_raw.loader_runs "  # noqa: S608 - the deployment's own names
            f"where dt >= '{began:%Y-%m-%d}' and line like '%{run_id}%'"
        )
        while True:
            if self.query(sql, outputs["Workgroup"]) == "1":
                return True, f"arrived after {(datetime.now(UTC) - began).total_seconds():.0f} s"
            if datetime.now(UTC) - began > wait:
                return False, f"not arrived after {wait}; see the streams' log group"
            time.sleep(_POLL_SECONDS)

    def _check_subscribers(self, topic: str) -> tuple[bool, str]:
        sns: SNSClient = self.client("sns")
        pages = sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)
        arns = [subscription["SubscriptionArn"] for page in pages for subscription in page["Subscriptions"]]
        if confirmed := sum(arn.startswith("arn:") for arn in arns):
            return True, f"{confirmed} confirmed"
        return False, "none confirmed; set AlarmEmail and confirm the mail that SNS sends"

    def query(self, sql: str, workgroup: str) -> str:
        """Run a statement and return its first value. Raises UserError with Athena's reason."""
        athena: AthenaClient = self.client("athena")
        execution = athena.start_query_execution(QueryString=sql, WorkGroup=workgroup)["QueryExecutionId"]
        while True:
            status = athena.get_query_execution(QueryExecutionId=execution)["QueryExecution"]["Status"]
            if status["State"] not in ("QUEUED", "RUNNING"):
                break
            time.sleep(0.2)
        if status["State"] != "SUCCEEDED":
            raise UserError(f"Athena: {status.get('StateChangeReason', status['State'])}")
        rows = athena.get_query_results(QueryExecutionId=execution)["ResultSet"]["Rows"]
        return rows[1]["Data"][0].get("VarCharValue", "") if len(rows) > 1 else ""

    def run(self, selector: str) -> bool:
        """Invoke the loader, then the transformation, and log their results. Return whether both succeeded."""
        outputs, began = self.outputs(), datetime.now(UTC)
        aws_lambda: LambdaClient = self.client("lambda")
        response = aws_lambda.invoke(FunctionName=outputs["Loader"], Payload=b"{}")
        result = json.loads(response["Payload"].read() or b"{}")
        if "FunctionError" in response:
            self.log(f"loader: FAILED {result.get('errorType')}: {result.get('errorMessage')}")
            return False
        self.log(f"loader: {result.get('skipped') or str(result.get('confirmed')) + ' lines landed'}")
        codebuild: CodeBuildClient = self.client("codebuild")
        build_id = codebuild.start_build(
            projectName=outputs["Transform"], environmentVariablesOverride=[{"name": "SELECTOR", "value": selector}]
        )["build"]["id"]
        while (build := codebuild.batch_get_builds(ids=[build_id])["builds"][0])["buildStatus"] not in _FINAL_STATES:
            time.sleep(_POLL_SECONDS)
        self.log(f"transformation: {build['buildStatus']}")
        for line in self.summary(began):
            self.log(line)
        if outputs.get("SchedulesState") == "DISABLED":
            self.log(
                f"the schedules are off; after a nightly run that succeeded, turn them on with make deploy "
                f'ENV={self.name} PARAMETERS="SchedulesState=ENABLED"'
            )
        return build["buildStatus"] == "SUCCEEDED"

    def summary(self, since: datetime) -> Iterator[str]:
        """Yield the newest record of the transformation, and the bytes and dollars of Athena since an instant."""
        outputs = self.outputs()
        s3: S3Client = self.client("s3")
        records = s3.list_objects_v2(Bucket=outputs["RawBucket"], Prefix=FOLDER).get("Contents", [])
        if records:
            newest = max(records, key=lambda item: item["LastModified"])["Key"]
            record = json.loads(s3.get_object(Bucket=outputs["RawBucket"], Key=newest)["Body"].read())
            for step in record["steps"]:
                yield f"  {step['name']}: {step['status']} in {step['seconds']} s {step['problem']}".rstrip()
            yield "  " + ", ".join(f"{name} {value}" for name, value in record["measured"].items())
        scanned, dollars = scanned_since(self.client("athena"), outputs["Workgroup"], since)
        yield f"  Athena: {scanned / 1e6:.1f} MB scanned, about {dollars:.4f} dollars"

    def remove(
        self, *, should_delete_data: bool, is_dry_run: bool, delete_stack: Callable[[], object] | None = None
    ) -> None:
        """Remove the stack and, if asked, all data of it and of dbt: the buckets with all versions, Glue databases.

        A dry run logs what would be removed. Query results are always deleted, since they expire anyway.
        `delete_stack` replaces CloudFormation's deletion where there is no CloudFormation.
        """
        stack = None if self.known_outputs else self._describe()
        if stack is None and not self.known_outputs:
            raise UserError(f"no stack {self.stack}")
        outputs = _outputs(stack) if stack else self.known_outputs
        if not outputs:  # never complete: CloudFormation has removed what it had created, or removes it now
            self.log(f"{'would delete' if is_dry_run else 'deleting'} stack {self.stack}, which was never complete")
            if not is_dry_run:
                (delete_stack or self._delete_stack)()
            return
        data_buckets = [outputs["RawBucket"], outputs["WarehouseBucket"]]
        if stack and not should_delete_data and stack["StackStatus"] in _UPDATABLE:
            if is_dry_run:
                self.log("would turn the schedules off and wait until the streams have delivered what they buffer")
            else:
                self._drain(_parameters(stack))
        for bucket in data_buckets if should_delete_data else []:
            self.empty(bucket, is_dry_run=is_dry_run)
        self.empty(outputs["ResultsBucket"], is_dry_run=is_dry_run)
        for database in self.databases(outputs["Schema"]) if should_delete_data else ():
            self.log(f"{'would drop' if is_dry_run else 'dropping'} database {database}")
            if not is_dry_run:
                self.client("glue").delete_database(Name=database)
        self.log(f"{'would delete' if is_dry_run else 'deleting'} stack {self.stack}")
        if is_dry_run:
            return
        (delete_stack or self._delete_stack)()
        if not should_delete_data:
            self.log(f"kept: {', '.join(data_buckets)}")
            return
        for bucket in data_buckets:
            self.empty(bucket)  # what the streams delivered while the stack was deleted
            with _none_if_gone():
                self.client("s3").delete_bucket(Bucket=bucket)

    def _delete_stack(self) -> None:
        """Delete the stack. Raises UserError with the reason of the first resource that stays."""
        cloudformation: CloudFormationClient = self.client("cloudformation")
        token = f"delete-{ULID()}".lower()
        cloudformation.delete_stack(StackName=self.stack, ClientRequestToken=token)
        try:
            cloudformation.get_waiter("stack_delete_complete").wait(StackName=self.stack)
        except WaiterError as error:
            raise UserError(f"{self.stack}: {self._first_failure(token) or _reason(error)}") from None

    def databases(self, schema: str) -> list[str]:
        """Return the Glue databases that dbt created for this deployment; the template's own go with the stack."""
        glue: GlueClient = self.client("glue")
        pages = glue.get_paginator("get_databases").paginate()
        names = [database["Name"] for page in pages for database in page["DatabaseList"]]
        own = set(database_names(schema)) - {schema, f"{schema}_{RAW}"}
        return [name for name in names if name in own]

    def _versions(self, bucket: str) -> "Iterator[ObjectIdentifierTypeDef]":
        s3: S3Client = self.client("s3")
        with _none_if_gone():
            for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
                for version in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]:
                    yield {"Key": version["Key"], "VersionId": version["VersionId"]}

    def empty(self, bucket: str, *, is_dry_run: bool = False) -> None:
        """Delete every version of every object. Raises UserError at the first that S3 refuses to delete."""
        s3: S3Client = self.client("s3")
        versions = list(self._versions(bucket))
        self.log(f"{'would delete' if is_dry_run else 'deleting'} {len(versions)} versions in {bucket}")
        if is_dry_run:
            return
        for start in range(0, len(versions), 1000):
            response = s3.delete_objects(
                Bucket=bucket, Delete={"Objects": versions[start : start + 1000], "Quiet": True}
            )
            if response.get("Errors"):
                raise UserError(f"cannot empty {bucket}: {response['Errors'][0].get('Message')}")


@contextmanager
def _none_if_gone() -> Iterator[None]:
    """Let a removal be repeated: a bucket that is gone is no error."""
    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchBucket":
            raise


def _outputs(stack: "StackTypeDef") -> dict[str, str]:
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


def _parameters(stack: "StackTypeDef") -> dict[str, str]:
    return {parameter["ParameterKey"]: parameter["ParameterValue"] for parameter in stack.get("Parameters", [])}


def _reason(error: ClientError | WaiterError) -> str:
    if isinstance(error, ClientError):
        return error.response["Error"].get("Message", str(error))
    return str((error.last_response or {}).get("StatusReason") or error)


def scanned_since(athena: "AthenaClient", workgroup: str, since: datetime) -> tuple[int, float]:
    """Return the bytes that a workgroup's statements scanned since an instant, and their price in dollars."""
    prices = Prices.read()
    scanned, billed = 0, 0
    for page in athena.get_paginator("list_query_executions").paginate(WorkGroup=workgroup):
        ids = page["QueryExecutionIds"]
        statements = athena.batch_get_query_execution(QueryExecutionIds=ids)["QueryExecutions"] if ids else []
        recent = [statement for statement in statements if statement["Status"]["SubmissionDateTime"] >= since]
        for statement in recent:
            size = statement.get("Statistics", {}).get("DataScannedInBytes", 0)
            scanned += size
            billed += prices.billed_bytes(statement.get("SubstatementType", ""), statement["Status"]["State"], size)
        if len(recent) < len(statements):  # the newest come first
            break
    return scanned, prices.dollars(billed)

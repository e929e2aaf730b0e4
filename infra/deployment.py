"""Deploy, verify, run and remove a deployment through AWS's API. Credentials and region are those that boto3 finds."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import ClientError, WaiterError
from ulid import ULID

from infra import archives
from infra.template import load
from pipeline.athena_cost import Prices
from pipeline.job import FOLDER
from tickerlake.errors import UserError

if TYPE_CHECKING:
    from mypy_boto3_athena import AthenaClient
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import ParameterTypeDef
    from mypy_boto3_codebuild import CodeBuildClient
    from mypy_boto3_glue import GlueClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectIdentifierTypeDef
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_ssm import SSMClient

MakeClient = Callable[[str], Any]
RENAMED_PARAMETERS = {"OwnKey": "UseCustomerKey"}
"""The template's parameters by their former names: an update carries their values over."""
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
        """Return the stack's outputs. Raises UserError when there is no such stack."""
        if self.known_outputs:
            return self.known_outputs
        cloudformation: CloudFormationClient = self.client("cloudformation")
        try:
            (stack,) = cloudformation.describe_stacks(StackName=self.stack)["Stacks"]
        except ClientError as error:
            raise UserError(f"no stack {self.stack}: {error.response['Error'].get('Message', '')}") from None
        return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}

    def deploy(self, parameters: Mapping[str, str]) -> None:
        """Upload the archives, and create the stack or update it to the template; other parameters keep their values.

        Raises UserError with CloudFormation's reason.
        """
        cloudformation: CloudFormationClient = self.client("cloudformation")
        bucket = self.artifact_bucket()
        previous = self._previous_parameters(cloudformation)
        has_api = {**(previous or {}), **parameters}.get("Api") == "true"
        renamed = {new: previous[old] for old, new in RENAMED_PARAMETERS.items() if previous and old in previous}
        values = {
            "Schema": self.stack.replace("-", "_"),
            **renamed,
            **parameters,
            **self.upload_archives(bucket, has_api=has_api),
        }
        unchanged = (previous or {}).keys() & load()["Parameters"].keys() - values.keys()
        settings: list[ParameterTypeDef] = [
            {"ParameterKey": name, "ParameterValue": value} for name, value in values.items()
        ]
        settings += [{"ParameterKey": name, "UsePreviousValue": True} for name in sorted(unchanged)]
        template = self.upload(bucket, json.dumps(load()).encode(), "json")
        change = f"deploy-{ULID()}".lower()
        cloudformation.create_change_set(
            StackName=self.stack,
            ChangeSetName=change,
            ChangeSetType="CREATE" if previous is None else "UPDATE",
            TemplateURL=f"https://{bucket}.s3.{cloudformation.meta.region_name}.amazonaws.com/{template}",
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
            Parameters=settings,
        )
        try:
            cloudformation.get_waiter("change_set_create_complete").wait(StackName=self.stack, ChangeSetName=change)
            cloudformation.execute_change_set(StackName=self.stack, ChangeSetName=change)
            if previous is None:
                cloudformation.get_waiter("stack_create_complete").wait(StackName=self.stack)
            else:
                cloudformation.get_waiter("stack_update_complete").wait(StackName=self.stack)
        except WaiterError as error:
            reason = str((error.last_response or {}).get("StatusReason", error))
            if "didn't contain changes" not in reason and "No updates" not in reason:
                raise UserError(f"{self.stack}: {reason}") from None
            self.log("nothing to change")
        for name, value in sorted(self.outputs().items()):
            self.log(f"{name}: {value}")

    def _previous_parameters(self, cloudformation: "CloudFormationClient") -> dict[str, str] | None:
        """Return the parameters of the deployed stack, None when there is no stack."""
        try:
            (stack,) = cloudformation.describe_stacks(StackName=self.stack)["Stacks"]
        except ClientError:
            return None
        return {parameter["ParameterKey"]: parameter["ParameterValue"] for parameter in stack.get("Parameters", [])}

    def artifact_bucket(self) -> str:
        """Return the account's bucket for archives in this region; create it when it is missing."""
        s3: S3Client = self.client("s3")
        account = self.client("sts").get_caller_identity()["Account"]
        name = f"tickerlake-artifacts-{account}-{s3.meta.region_name}"
        try:
            s3.head_bucket(Bucket=name)
        except ClientError:
            location: Any = {"LocationConstraint": s3.meta.region_name}  # which us-east-1 refuses
            is_default_region = s3.meta.region_name == "us-east-1"
            s3.create_bucket(Bucket=name, **({} if is_default_region else {"CreateBucketConfiguration": location}))
            s3.put_public_access_block(
                Bucket=name,
                PublicAccessBlockConfiguration={
                    "BlockPublicAcls": True,
                    "BlockPublicPolicy": True,
                    "IgnorePublicAcls": True,
                    "RestrictPublicBuckets": True,
                },
            )
        return name

    def upload_archives(self, bucket: str, *, has_api: bool = False) -> dict[str, str]:
        """Upload the archives of loader, project and, if it is deployed, API; return the parameters that name them."""
        contents = {"LoaderKey": archives.loader_archive(), "ProjectKey": archives.project_archive()}
        if has_api:
            contents["ApiKey"] = archives.api_archive()
        return {
            "ArtifactBucket": bucket,
            **{name: self.upload(bucket, content, "zip") for name, content in contents.items()},
        }

    def upload(self, bucket: str, content: bytes, extension: str) -> str:
        """Put an archive under a key made of its hash; return the key."""
        key = f"{sha256(content).hexdigest()[:32]}.{extension}"
        self.client("s3").put_object(Bucket=bucket, Key=key, Body=content)
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
        outputs = self.outputs()
        data_buckets = [outputs["RawBucket"], outputs["WarehouseBucket"]]
        emptied = [outputs["ResultsBucket"], *(data_buckets if should_delete_data else [])]
        for bucket in emptied:
            self.empty(bucket, is_dry_run=is_dry_run)
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
            self.client("s3").delete_bucket(Bucket=bucket)

    def _delete_stack(self) -> None:
        cloudformation: CloudFormationClient = self.client("cloudformation")
        cloudformation.delete_stack(StackName=self.stack)
        cloudformation.get_waiter("stack_delete_complete").wait(StackName=self.stack)

    def databases(self, schema: str) -> list[str]:
        """Return the Glue databases that dbt created for this deployment; the template's own goes with the stack."""
        glue: GlueClient = self.client("glue")
        pages = glue.get_paginator("get_databases").paginate()
        names = [database["Name"] for page in pages for database in page["DatabaseList"]]
        return [name for name in names if name.startswith(f"{schema}_") and name != f"{schema}_raw"]

    def _versions(self, bucket: str) -> "Iterator[ObjectIdentifierTypeDef]":
        s3: S3Client = self.client("s3")
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
